package authentication

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"strings"
	"time"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// CertificateOptions are the optional parts of [NewServicePrincipalWithCertificate].
type CertificateOptions struct {
	ServicePrincipalOptions
	// Password opens a PFX file that is locked. PEM files must hold the private key
	// unencrypted.
	Password azureml.Secret
	// SendCertificateChain sends the certificate along, which authentication by subject
	// name and issuer needs.
	SendCertificateChain bool
}

// NewServicePrincipalWithCertificate signs in with a certificate: the content of a PEM
// file that holds the certificate and its RSA private key, or of a PFX (PKCS #12) file.
// It reads no file itself: give it what os.ReadFile returns. Errors: ErrInvalid.
// azureml.core does this when the password happens to be the name of a file.
func NewServicePrincipalWithCertificate(tenantID, clientID string, certificate []byte, o *CertificateOptions) (*ServicePrincipal, error) {
	given := optional(o)
	var chain []*x509.Certificate
	var key crypto.PrivateKey
	p, options, err := newServicePrincipal(tenantID, clientID, given.ServicePrincipalOptions, func(check *validate.Checker) {
		chain, key = readCertificate(check, certificate, given.Password)
	})
	if err != nil {
		return nil, err
	}
	wrapped, err := azidentity.NewClientCertificateCredential(p.tenantID, p.clientID, chain, key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: options.ClientOptions, AdditionallyAllowedTenants: options.AdditionallyAllowedTenants,
		Cache: options.Cache, DisableInstanceDiscovery: options.DisableInstanceDiscovery,
		SendCertificateChain: given.SendCertificateChain,
	})
	if err != nil {
		return nil, p.unusable(err, given.Password)
	}
	return p.with(options.Cloud, wrapped.GetToken, given.Password), nil
}

// readCertificate notes in words what is wrong; the parsers' own texts say little, and
// could quote what they read.
func readCertificate(check *validate.Checker, data []byte, password azureml.Secret) ([]*x509.Certificate, crypto.PrivateKey) {
	if len(bytes.TrimSpace(data)) == 0 {
		check.Add("certificate", nil, "is required")
		return nil, nil
	}
	pem := bytes.Contains(data, []byte("-----BEGIN "))
	if pem {
		password = azureml.Secret{}
		if bytes.Contains(data, []byte("ENCRYPTED PRIVATE KEY")) || bytes.Contains(data, []byte("Proc-Type: 4,ENCRYPTED")) {
			check.Add("certificate", nil, "must hold its private key unencrypted; convert it to PFX, or decrypt it with: openssl rsa")
			return nil, nil
		}
	}
	chain, key, err := azidentity.ParseCertificates(data, []byte(password.Reveal()))
	if err == nil {
		if end, ended := ended(chain, key); ended {
			check.Add("certificate", nil, "ended on "+end.UTC().Format(time.DateOnly)+"; add a new one to the application")
		}
		return chain, key
	}
	reason := err.Error()
	switch {
	case strings.Contains(reason, "no private key"):
		check.Add("certificate", nil, "holds no RSA private key")
	case strings.Contains(reason, "no certificate"):
		check.Add("certificate", nil, "holds a private key but no certificate")
	case strings.Contains(reason, "multiple private keys"):
		check.Add("certificate", nil, "holds several private keys")
	case strings.Contains(reason, "password incorrect"):
		check.Add("Password", password, "does not open the certificate")
	case pem:
		check.Add("certificate", nil, "is no PEM that can be read: certificate and RSA private key, one behind the other")
	case len(data) < longestPath && !bytes.ContainsFunc(data, unicode.IsControl):
		check.Add("certificate", nil, "is not the content of a file; if it is a path, read it with os.ReadFile")
	default:
		check.Add("certificate", nil, "is neither PEM nor a PFX file that can be read; make a PFX with: openssl pkcs12 -export -legacy")
	}
	return nil, nil
}

// longestPath is longer than paths are, and shorter than certificates.
const longestPath = 512

// ended tells whether the certificate of the key is no longer good. The sign-in service
// would say only that it does not know it.
func ended(chain []*x509.Certificate, key crypto.PrivateKey) (time.Time, bool) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return time.Time{}, false
	}
	for _, c := range chain {
		if public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && public.Equal(signer.Public()) {
			return c.NotAfter, time.Now().After(c.NotAfter)
		}
	}
	return time.Time{}, false
}
