package webservice

import (
	"context"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// AciDeployConfiguration says how a web service runs on Azure Container Instances, for
// tests and small loads; model.BeginDeploy takes it and makes an *[AciWebservice]. What
// is zero is unset: the service then takes its own default. Tokens are not for ACI.
//
// It mirrors azureml.core's AciWebservice.deploy_configuration.
type AciDeployConfiguration struct {
	// CPUCores and MemoryGB are what the container is granted. Defaults 0.1 and 0.5.
	CPUCores float64
	MemoryGB float64
	// Location is the region. Default: the workspace's.
	Location string
	// AuthEnabled asks callers for a key. Default false: anyone may call it.
	AuthEnabled *bool
	// PrimaryKey and SecondaryKey are keys of your own. Default: the service makes
	// them. A secondary key needs a primary one.
	PrimaryKey   azureml.Secret
	SecondaryKey azureml.Secret
	// SSL serves it over https. Default: plain http.
	SSL *AciSslConfiguration
	// DNSNameLabel is the first part of the host name. Default: one that the service makes.
	DNSNameLabel string
	// EnableAppInsights logs requests to Application Insights. Default false.
	EnableAppInsights *bool
	// CollectModelData keeps what the script collects with ModelDataCollector in the
	// workspace's storage. Default false.
	CollectModelData *bool
	// Encryption names a customer-managed key, all three parts of it. Default: Azure's own.
	Encryption *EncryptionProperties
	// Vnet puts it into a virtual network; both names are required.
	Vnet *VnetConfiguration
	// Tags can be changed later, properties only added to.
	Tags        map[string]string
	Properties  map[string]string
	Description string
}

// AciSslConfiguration says how a service on ACI is served over https.
type AciSslConfiguration struct {
	// CName is the host name that the certificate is for. A DNS record for it must lead
	// to the service.
	CName string
	// CertPEM is the certificate in PEM form; CertPEMFile is a file that holds it. Give
	// one of them.
	CertPEM     string
	CertPEMFile string
	// KeyPEM is the certificate's private key in PEM form; KeyPEMFile is a file that
	// holds it. Give one of them.
	KeyPEM     azureml.Secret
	KeyPEMFile string
}

var _ model.DeployConfiguration[*AciWebservice] = AciDeployConfiguration{}

// wireAci creates a service on ACI (contract: webservice §7.1).
type wireAci struct {
	wireCreate
	Resources    wireAciResources `json:"containerResourceRequirements"`
	SSLEnabled   *bool            `json:"sslEnabled,omitempty"`
	SSLCert      *string          `json:"sslCertificate,omitempty"`
	SSLKey       *revealed        `json:"sslKey,omitempty"`
	CName        *string          `json:"cname"`
	DNSNameLabel *string          `json:"dnsNameLabel"`
	Encryption   *wireEncryption  `json:"encryptionProperties,omitempty"`
	Vnet         *wireVnet        `json:"vnetConfiguration,omitempty"`
}

type wireAciResources struct {
	CPU    *float64 `json:"cpu"`
	Memory *float64 `json:"memoryInGB"`
}

type wireEncryption struct {
	VaultBaseURL string `json:"vaultBaseUrl"`
	KeyName      string `json:"keyName"`
	KeyVersion   string `json:"keyVersion"`
}

type wireVnet struct {
	VnetName   string `json:"vnetName"`
	SubnetName string `json:"subnetName"`
}

// DeployPayload checks the configuration, all rules at once, and builds the body of
// the request that creates the service. The name is checked by the caller. It reads the files of SSL. It is for
// model.BeginDeploy.
func (c AciDeployConfiguration) DeployPayload(r model.DeployRequest) (any, error) {
	var check validate.Checker
	validate.Positive(&check, "CPUCores", c.CPUCores)
	validate.Positive(&check, "MemoryGB", c.MemoryGB)
	checkKeys(&check, c.PrimaryKey, c.SecondaryKey)
	w := wireAci{
		wireCreate:   newCreate(ComputeTypeACI, r, c.Description, c.Tags, c.Properties, c.PrimaryKey, c.SecondaryKey),
		Resources:    wireAciResources{CPU: set(c.CPUCores), Memory: set(c.MemoryGB)},
		DNSNameLabel: set(c.DNSNameLabel),
	}
	w.Location, w.AuthEnabled, w.AppInsightsEnabled = set(c.Location), c.AuthEnabled, c.EnableAppInsights
	w.DataCollection = dataCollection(c.CollectModelData)
	if c.SSL != nil {
		check.In("SSL", func(check *validate.Checker) {
			on := true
			w.SSLEnabled = &on
			check.Require("CName", c.SSL.CName)
			cert, _ := validate.PEM(check, "CertPEM", c.SSL.CertPEM, "CertPEMFile", c.SSL.CertPEMFile)
			key := c.SSL.key(check)
			w.CName, w.SSLCert, w.SSLKey = set(c.SSL.CName), &cert, &key
		})
	}
	if e := c.Encryption; e != nil {
		check.In("Encryption", func(check *validate.Checker) {
			check.Require("VaultBaseURL", e.VaultBaseURL)
			check.Require("KeyName", e.KeyName)
			check.Require("KeyVersion", e.KeyVersion)
		})
		w.Encryption = &wireEncryption{VaultBaseURL: e.VaultBaseURL, KeyName: e.KeyName, KeyVersion: e.KeyVersion}
	}
	if v := c.Vnet; v != nil {
		check.In("Vnet", func(check *validate.Checker) {
			check.Require("VnetName", v.VnetName)
			check.Require("SubnetName", v.SubnetName)
		})
		w.Vnet = &wireVnet{VnetName: v.VnetName, SubnetName: v.SubnetName}
	}
	if err := check.Err("deploy", subject(r.Name)); err != nil {
		return nil, err
	}
	return w, nil
}

// key gives the private key, to be written out.
func (s *AciSslConfiguration) key(check *validate.Checker) revealed {
	key, _ := validate.PEM(check, "KeyPEM", s.KeyPEM.Reveal(), "KeyPEMFile", s.KeyPEMFile)
	return revealed{azureml.NewSecret(key)}
}

// DeployedService reads the service that was deployed. It is for model.BeginDeploy.
func (c AciDeployConfiguration) DeployedService(ctx context.Context, ws *workspace.Workspace, name string) (*AciWebservice, error) {
	return deployed[*AciWebservice](ctx, ws, name)
}

// DeployFailure adds to the error of a failed deployment what the service knows and
// the tail of its log. It is for model.BeginDeploy.
func (c AciDeployConfiguration) DeployFailure(ctx context.Context, ws *workspace.Workspace, name string, failure *azureml.Error) error {
	return explainFailure(ctx, ws, name, "", failure)
}
