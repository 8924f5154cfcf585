package compute_test

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

// createWith creates nothing: it gives the violations of a TLS configuration that is not
// valid. The recording makes sure that nothing is sent.
func createWith(t *testing.T, s compute.SslConfiguration) *azureml.Error {
	t.Helper()
	ws := &workspace.Workspace{Name: "ws", Location: "westeurope"}
	_, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{SSL: &s}, nil)
	assert.ErrorIs(t, err, azureml.ErrInvalid)
	return failure(t, err)
}

func TestOwnCertificateRules(t *testing.T) {
	t.Parallel()
	const host = "www.contoso.com"
	cert, key := newPair(t, host)
	otherCert, otherKey := newPair(t, host)
	encrypted := "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
	old := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
	for name, c := range map[string]struct {
		ssl    compute.SslConfiguration
		fields []string
		says   string
	}{
		"no key":             {compute.SslConfiguration{CName: host, CertPEM: cert}, []string{"SSL.KeyPEM"}, "or KeyPEMFile is required"},
		"nothing but a name": {compute.SslConfiguration{CName: host}, []string{"SSL.CertPEM", "SSL.KeyPEM"}, ""},
		"no name":            {compute.SslConfiguration{CertPEM: cert, KeyPEM: azureml.NewSecret(key)}, []string{"SSL.CName"}, ""},
		"not a name":         {compute.SslConfiguration{CName: "https://x", CertPEM: cert, KeyPEM: azureml.NewSecret(key)}, []string{"SSL.CName"}, "full host name"},
		"another key":        {compute.SslConfiguration{CName: host, CertPEM: cert, KeyPEM: azureml.NewSecret(otherKey)}, []string{"SSL.KeyPEM"}, "is not the key of the certificate"},
		"chain upside down":  {compute.SslConfiguration{CName: host, CertPEM: otherCert + cert, KeyPEM: azureml.NewSecret(key)}, []string{"SSL.CertPEM"}, "the 2. in it"},
		"no PEM":             {compute.SslConfiguration{CName: host, CertPEM: "fake certificate", KeyPEM: azureml.NewSecret("fake key")}, []string{"SSL.CertPEM", "SSL.KeyPEM"}, "(16 bytes)"},
		"mixed up":           {compute.SslConfiguration{CName: host, CertPEM: key, KeyPEM: azureml.NewSecret(cert)}, []string{"SSL.CertPEM", "SSL.KeyPEM"}, ""},
		"broken":             {compute.SslConfiguration{CName: host, CertPEM: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", KeyPEM: azureml.NewSecret("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}, []string{"SSL.CertPEM", "SSL.KeyPEM"}, "does not parse"},
		"encrypted":          {compute.SslConfiguration{CName: host, CertPEM: cert, KeyPEM: azureml.NewSecret(encrypted)}, []string{"SSL.KeyPEM"}, "must not be encrypted"},
		"encrypted long ago": {compute.SslConfiguration{CName: host, CertPEM: cert, KeyPEM: azureml.NewSecret(old)}, []string{"SSL.KeyPEM"}, "must not be encrypted"},
		"text and file":      {compute.SslConfiguration{CName: host, CertPEM: cert, CertPEMFile: "x", KeyPEM: azureml.NewSecret(key), KeyPEMFile: "y"}, []string{"SSL.CertPEMFile", "SSL.KeyPEMFile"}, "exclude each other"},
		"no such file":       {compute.SslConfiguration{CName: host, CertPEMFile: "missing.pem", KeyPEM: azureml.NewSecret(key)}, []string{"SSL.CertPEMFile"}, "no such file"},
		"a label as well":    {compute.SslConfiguration{CName: host, CertPEM: cert, KeyPEM: azureml.NewSecret(key), LeafDomainLabel: "x"}, []string{"SSL.LeafDomainLabel"}, "excludes an own certificate"},
		"overwrite as well":  {compute.SslConfiguration{CName: host, CertPEM: cert, KeyPEM: azureml.NewSecret(key), OverwriteExistingDomain: true}, []string{"SSL.OverwriteExistingDomain"}, ""},
		"a label with a dot": {compute.SslConfiguration{LeafDomainLabel: "a.b"}, []string{"SSL.LeafDomainLabel"}, "one DNS label"},
		"nothing":            {compute.SslConfiguration{}, []string{"SSL.LeafDomainLabel"}, "leave SSL nil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := createWith(t, c.ssl)
			assert.ElementsMatch(t, c.fields, fields(e))
			assert.Contains(t, e.Error(), c.says)
			assertHides(t, e, key)
			assertHides(t, e, otherKey)
		})
	}
}

// assertHides fails when err shows a line of a PEM text anywhere.
func assertHides(t *testing.T, err error, text string) {
	t.Helper()
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Error("x", "err", err)
	shown := b.String() + azureml.Explain(err) + fmt.Sprintf("%v %+v %#v", err, err, err)
	data, _ := json.Marshal(err)
	shown += string(data)
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 20 && !strings.HasPrefix(line, "-----") {
			assert.NotContains(t, shown, line)
		}
	}
}

func TestOwnCertificateIsSentAsItIs(t *testing.T) {
	t.Parallel()
	cert, key := newPair(t, "www.contoso.com")
	issuer, _ := newPair(t, "issuer")
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, []byte(strings.ReplaceAll(cert+issuer, "\n", "\r\n")), 0o600))
	require.NoError(t, os.WriteFile(keyFile, []byte(key), 0o600))
	for name, s := range map[string]compute.SslConfiguration{
		"texts": {CName: "www.contoso.com", CertPEM: cert + issuer, KeyPEM: azureml.NewSecret(key)},
		"files": {CName: "www.contoso.com", CertPEMFile: certFile, KeyPEMFile: keyFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent, said := bodyOf(t, s)
			assert.Equal(t, map[string]any{"status": "Enabled", "cname": "www.contoso.com", "cert": cert + issuer, "key": key}, sent)
			assert.Empty(t, said)
		})
	}
}

func TestCertificateWarnings(t *testing.T) {
	t.Parallel()
	cert, key := newPairUntil(t, "www.contoso.com", time.Now().Add(-time.Hour))
	_, said := bodyOf(t, compute.SslConfiguration{CName: "www.fabrikam.com", CertPEM: cert, KeyPEM: azureml.NewSecret(key)})
	require.Len(t, said, 2)
	assert.Contains(t, said[0], "expired on")
	assert.Contains(t, said[1], "not for www.fabrikam.com")
}

func TestKeysOfAllForms(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: serial, DNSNames: []string{"*.contoso.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	key := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
	_, said := bodyOf(t, compute.SslConfiguration{CName: "*.contoso.com", CertPEM: cert, KeyPEM: azureml.NewSecret(key)})
	assert.Empty(t, said)

	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	bodyOf(t, compute.SslConfiguration{CName: "x.contoso.com", CertPEM: cert, KeyPEM: azureml.NewSecret(key)})
	exchange, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	pkcs8, err = x509.MarshalPKCS8PrivateKey(exchange)
	require.NoError(t, err)
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	assert.ErrorContains(t, createWith(t, compute.SslConfiguration{CName: "x.contoso.com", CertPEM: cert, KeyPEM: azureml.NewSecret(key)}), "must be an RSA, ECDSA or Ed25519 key")

	public, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err = x509.CreateCertificate(rand.Reader, template, template, public, edwards)
	require.NoError(t, err)
	pkcs8, err = x509.MarshalPKCS8PrivateKey(edwards)
	require.NoError(t, err)
	bodyOf(t, compute.SslConfiguration{
		CName: "x.contoso.com", CertPEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		KeyPEM: azureml.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))),
	})

	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err = x509.CreateCertificate(rand.Reader, template, template, curve.Public(), curve)
	require.NoError(t, err)
	sec1, err := x509.MarshalECPrivateKey(curve)
	require.NoError(t, err)
	// openssl writes the curve in front of the key.
	key = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" +
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}))
	bodyOf(t, compute.SslConfiguration{
		CName: "x.contoso.com", CertPEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), KeyPEM: azureml.NewSecret(key),
	})
}

// bodyOf is the TLS part of the request that creates a cluster, and the warnings.
func bodyOf(t *testing.T, s compute.SslConfiguration) (map[string]any, warnings) {
	t.Helper()
	var said warnings
	var sent map[string]any
	ws, transport := stubWorkspace(t)
	transport.put = func(body map[string]any) {
		sent = body["properties"].(map[string]any)["properties"].(map[string]any)["sslConfiguration"].(map[string]any)
	}
	_, err := compute.BeginCreate(context.Background(), ws, "myaks", compute.AksProvisioningConfiguration{SSL: &s}, &compute.CreateOptions{Overwrite: true, OnWarning: said.add})
	require.NoError(t, err)
	require.NotNil(t, sent)
	return sent, said
}
