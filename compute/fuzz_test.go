package compute

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

func FuzzClusterID(f *testing.F) {
	f.Add("/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/k8s")
	f.Add("/subscriptions/s/resourcegroups/rg(1)/providers/microsoft.containerservice/managedclusters/k8s/")
	f.Add("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Kubernetes/connectedClusters/k8s")
	f.Add("")
	f.Fuzz(func(t *testing.T, id string) {
		c, err := parseClusterID(id)
		if err != nil {
			return
		}
		for _, part := range []string{c.subscription, c.group, c.name} {
			if part == "" || strings.Contains(part, "/") {
				t.Fatalf("%q was taken apart into %q", id, c)
			}
		}
		again, err := parseClusterID(c.String())
		if err != nil || again != c || !sameResource(c.String(), id) {
			t.Fatalf("%q became %q: %v", id, c.String(), err)
		}
	})
}

func FuzzCertificate(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "a.b")
	f.Add("fake certificate", "fake key with a secret inside of it", "www.contoso.com")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, cert, key, host string) {
		const planted = "what the key alone holds"
		key += planted
		var check validate.Checker
		s := &SslConfiguration{CName: host, CertPEM: cert, KeyPEM: azureml.NewSecret(key)}
		wire := s.build(&check, func(string) {})
		if check.OK() && (wire == nil || wire.Cert != cert || wire.Key != key) {
			t.Fatalf("nothing is wrong, and nothing is sent")
		}
		for _, v := range check.Violations() {
			if strings.Contains(v.String(), planted) && !strings.Contains(cert+host, planted) {
				t.Fatalf("a violation shows the key: %s", v)
			}
		}
	})
}

func FuzzProvisioningErrors(f *testing.F) {
	f.Add(`[{"error":{"code":"BadArgument","message":"m","details":[{"code":"AgentCores","message":"n"}]}}]`)
	f.Add(`[{"error":null}]`)
	f.Add(`{"code":"C","message":"InvalidTemplateDeployment: {\"error\":{\"code\":\"QuotaExceeded\",\"message\":\"q\"}}"}`)
	f.Add(`["text",7,null,[[]]]`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		if !json.Valid([]byte(body)) {
			return
		}
		for _, d := range provisioningErrors(json.RawMessage(body)) {
			if d.Code == "" && d.Message == "" {
				t.Fatalf("%s gives an error that says nothing", body)
			}
		}
	})
}

func FuzzResource(f *testing.F) {
	f.Add(`{"id":"x","name":"n","properties":{"computeType":"AKS","isAttachedCompute":true,"properties":{"agentCount":3,"sslConfiguration":{"key":"k"}}}}`)
	f.Add(`{"name":1,"tags":[],"properties":{"computeType":"AKS","createdOn":5,"properties":"x"}}`)
	f.Add(`null`)
	f.Add(`{"properties":7}`)
	f.Fuzz(func(t *testing.T, body string) {
		if !json.Valid([]byte(body)) {
			return
		}
		var r resource
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		c := r.snapshot(nil, "name")
		if !json.Valid(c.Raw) {
			t.Fatalf("%s became %s", body, c.Raw)
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if c.Is(TypeAKS) {
			if _, err := c.AksCompute(); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
		}
	})
}

func FuzzKubeconfig(f *testing.F) {
	f.Add("apiVersion: v1\nkind: Config\n")
	f.Add("YXBpVmVyc2lvbjogdjEKa2luZDogQ29uZmlnCg==")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if got := decoded(text); got == "" && text != "" {
			t.Fatalf("%q was lost", text)
		}
	})
}
