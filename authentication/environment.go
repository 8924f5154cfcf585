package authentication

import (
	"fmt"
	"os"
	"strings"

	"github.com/azureml-go/azureml"
)

// variables are three names that together make a service principal.
type variables struct{ tenant, client, secret string }

// conventions are searched in this order.
var conventions = [...]variables{
	{"AML_TENANT_ID", "AML_PRINCIPAL_ID", "AML_PRINCIPAL_PASS"},
	{"AZUREML_SERVICE_PRINCIPAL_TENANT_ID", "AZUREML_SERVICE_PRINCIPAL_ID", "AZUREML_SERVICE_PRINCIPAL_PASSWORD"},
	{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"},
}

const (
	certificatePath     = "AZURE_CLIENT_CERTIFICATE_PATH"
	certificatePassword = "AZURE_CLIENT_CERTIFICATE_PASSWORD"
)

// principalFrom is a service principal as environment variables describe it.
type principalFrom struct {
	variables
	tenantID, clientID string
	secret             azureml.Secret
	certificate        string // a path, instead of the secret
	password           azureml.Secret
}

// NewServicePrincipalFromEnvironment signs in with the service principal that
// environment variables describe: AML_TENANT_ID, AML_PRINCIPAL_ID and
// AML_PRINCIPAL_PASS; if none of them is set, AZUREML_SERVICE_PRINCIPAL_TENANT_ID, …_ID
// and …_PASSWORD; if none of these is set either, AZURE_TENANT_ID, AZURE_CLIENT_ID and
// AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH and …_PASSWORD). Blanks around
// the values are taken off. The three are never mixed: where some but not all variables
// of one kind are set, the error (ErrInvalid) names those that are missing.
func NewServicePrincipalFromEnvironment(o *ServicePrincipalOptions) (*ServicePrincipal, error) {
	found, missing := principalOf(os.Getenv)
	if len(missing) > 0 {
		return nil, notInEnvironment(missing)
	}
	if found.certificate == "" {
		return NewServicePrincipal(found.tenantID, found.clientID, found.secret, o)
	}
	data, err := os.ReadFile(found.certificate)
	if err != nil {
		return nil, &azureml.Error{
			Operation: "read", Subject: "the certificate that " + certificatePath + " names", Kind: azureml.ErrInvalid, Message: err.Error(), Err: err,
		}
	}
	return NewServicePrincipalWithCertificate(found.tenantID, found.clientID, data, &CertificateOptions{
		ServicePrincipalOptions: optional(o), Password: found.password,
	})
}

// principalOf reads the variables. missing are those that are not set although others
// of the same kind are, or those of the first kind when nothing is set at all.
func principalOf(getenv func(string) string) (found principalFrom, missing []string) {
	get := func(name string) string { return strings.TrimSpace(getenv(name)) }
	for _, kind := range conventions {
		p := principalFrom{variables: kind, tenantID: get(kind.tenant), clientID: get(kind.client), secret: azureml.NewSecret(get(kind.secret))}
		if kind.secret == "AZURE_CLIENT_SECRET" && p.secret.IsZero() {
			p.certificate = get(certificatePath)
			p.password = azureml.NewSecret(get(certificatePassword))
		}
		missing = nil
		for _, v := range []struct {
			name string
			set  bool
		}{
			{kind.tenant, p.tenantID != ""}, {kind.client, p.clientID != ""}, {kind.secret, !p.secret.IsZero() || p.certificate != ""},
		} {
			if !v.set {
				missing = append(missing, v.name)
			}
		}
		switch len(missing) {
		case 0:
			return p, nil
		case 1, 2:
			return principalFrom{}, missing
		}
	}
	first := conventions[0]
	return principalFrom{}, []string{first.tenant, first.client, first.secret}
}

func notInEnvironment(missing []string) error {
	e := &azureml.Error{
		Operation: "make", Subject: makePrincipal + " from the environment", Kind: azureml.ErrInvalid,
		Remedy: fmt.Sprintf("Set %s, %s and %s.", conventions[0].tenant, conventions[0].client, conventions[0].secret),
	}
	for _, name := range missing {
		e.Violations = append(e.Violations, azureml.Violation{Field: name, Rule: "is not set"})
	}
	return e
}
