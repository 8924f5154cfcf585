package parity_test

import (
	"context"
	"encoding/json"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// deployingContainer deploys the model churn on ACI, waits, and gives what then makes of
// the service.
func deployingContainer(golden string, configure func() (webservice.AciDeployConfiguration, error), then func(context.Context, *webservice.AciWebservice) (any, error)) parity.Scenario {
	return parity.Scenario{Name: golden, Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
		config, err := configure()
		if err != nil {
			return nil, err
		}
		p, err := beginAs(ctx, s, ws, "churn-aci", config, theirEnvironment(), nil)
		if err != nil {
			return nil, err
		}
		svc, err := azureml.Wait(ctx, p, nil)
		if err != nil {
			return nil, err
		}
		return then(ctx, svc)
	})}
}

func containerScenarios() []parity.Scenario {
	plain := func() (webservice.AciDeployConfiguration, error) { return webservice.AciDeployConfiguration{}, nil }
	optional := func() (webservice.AciDeployConfiguration, error) {
		return webservice.AciDeployConfiguration{
			CPUCores: 1, MemoryGB: 2, AuthEnabled: new(true), EnableAppInsights: new(true), CollectModelData: new(true),
			DNSNameLabel: "churn-test", Description: "on ACI", Tags: map[string]string{"team": "ml"}, Properties: map[string]string{"build": "42"},
			PrimaryKey: azureml.NewSecret("my-primary-key"), SecondaryKey: azureml.NewSecret("my-secondary-key"), Location: "northeurope",
		}, nil
	}
	overTLS := func() (webservice.AciDeployConfiguration, error) {
		certificate, key, err := newPair("www.contoso.com")
		return webservice.AciDeployConfiguration{SSL: &webservice.AciSslConfiguration{CName: "www.contoso.com", CertPEM: certificate, KeyPEM: key}}, err
	}
	state := func(_ context.Context, svc *webservice.AciWebservice) (any, error) { return string(svc.State), nil }
	return []parity.Scenario{
		deployingContainer("aci_deploy_default", plain, func(ctx context.Context, svc *webservice.AciWebservice) (any, error) {
			answer, err := score(ctx, &svc.Service, `{"data": [[1]]}`)
			return map[string]any{"run": answer, "service": map[string]any{
				"state": svc.State, "scoring_uri": svc.ScoringURI, "swagger_uri": svc.SwaggerURI, "location": svc.Location,
				"auth_enabled": svc.AuthEnabled, "ssl_enabled": svc.SSLEnabled, "enable_app_insights": svc.AppInsightsEnabled,
				"container_resource_requirements": svc.ContainerResourceRequirements, "public_ip": svc.PublicIP, "public_fqdn": svc.PublicFQDN,
				"vnet_configuration": svc.VnetConfiguration, "encryption_properties": svc.EncryptionProperties,
			}}, err
		}),
		deployingContainer("aci_deploy_options", optional, func(ctx context.Context, svc *webservice.AciWebservice) (any, error) {
			keys, err := revealed(svc.Keys(ctx))
			if err != nil {
				return nil, err
			}
			answer, err := score(ctx, &svc.Service, `{"data": [[1]]}`)
			return map[string]any{"keys": keys, "run": answer, "dict": map[string]any{
				"name": svc.Name, "description": svc.Description, "tags": svc.Tags, "properties": svc.Properties, "state": svc.State,
				"computeType": svc.ComputeType, "scoringUri": svc.ScoringURI, "createdBy": svc.CreatedBy,
				"containerResourceRequirements": svc.ContainerResourceRequirements, "publicIp": svc.PublicIP, "publicFqdn": svc.PublicFQDN,
			}}, err
		}),
		deployingContainer("aci_deploy_ssl", overTLS, func(_ context.Context, svc *webservice.AciWebservice) (any, error) {
			return map[string]any{"ssl_enabled": svc.SSLEnabled, "cname": svc.CName, "scoring_uri": svc.ScoringURI}, nil
		}),
		ending(azureml.ErrOperationFailed, allowing(deployingContainer("aci_deploy_failed", plain, state), logTailOf("churn-aci"))),
		{Name: "aci_invalid_options", Run: invalidContainers},
		{Name: "aci_token_auth", Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
			svc, err := webservice.GetAci(ctx, ws, "churn-aci")
			if err != nil {
				return nil, err
			}
			_, err = svc.Token(ctx)
			return map[string]any{"get_token": refused(s.Of(err, azureml.ErrInvalid))}, nil
		})},
	}
}

// invalidContainers tries the configurations of the golden, each on its own.
func invalidContainers(_ context.Context, s *parity.Stage) (any, error) {
	certificate := s.WriteFile("cert.pem", "fake certificate\n")
	ssl := func(c webservice.AciSslConfiguration) webservice.AciDeployConfiguration {
		return webservice.AciDeployConfiguration{SSL: &c}
	}
	var golden map[string]string
	if err := json.Unmarshal(s.Golden().Result, &golden); err != nil {
		return nil, err
	}
	result := map[string]any{}
	for name, config := range map[string]webservice.AciDeployConfiguration{
		"cpu_cores=0":      {},
		"memory_gb=-1":     {MemoryGB: -1},
		"ssl_enabled=True": ssl(webservice.AciSslConfiguration{}),
		"ssl_enabled=True, ssl_cert_pem_file='missing.pem', ssl_key_pem_file='cert.pem', ssl_cname='a'": ssl(webservice.AciSslConfiguration{
			CName: "a", CertPEMFile: s.Dir() + "/missing.pem", KeyPEMFile: certificate,
		}),
		"ssl_enabled=True, ssl_cert_pem_file='cert.pem', ssl_key_pem_file='missing.pem', ssl_cname='a'": ssl(webservice.AciSslConfiguration{
			CName: "a", CertPEMFile: certificate, KeyPEMFile: s.Dir() + "/missing.pem",
		}),
		"cmk_key_name='a'":                         {Encryption: &webservice.EncryptionProperties{KeyName: "a"}},
		"cmk_vault_base_url='a', cmk_key_name='b'": {Encryption: &webservice.EncryptionProperties{VaultBaseURL: "a", KeyName: "b"}},
		"vnet_name='a'":                            {Vnet: &webservice.VnetConfiguration{VnetName: "a"}},
		"subnet_name='a'":                          {Vnet: &webservice.VnetConfiguration{SubnetName: "a"}},
	} {
		_, err := config.DeployPayload(model.DeployRequest{Name: "churn-aci"})
		result[name] = judged(err, golden[name])
	}
	return result, nil
}
