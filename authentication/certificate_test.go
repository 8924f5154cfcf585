package authentication

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
)

// testKey is slow to make, and all tests can have the same.
var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// testCertificate is a PEM file of certificate and key.
func testCertificate(t testing.TB) []byte {
	t.Helper()
	return certificateUntil(t, time.Now().Add(time.Hour))
}

func certificateUntil(t testing.TB, end time.Time) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "principal"}, NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, testKey().Public(), testKey())
	require.NoError(t, err)
	key, err := x509.MarshalPKCS8PrivateKey(testKey())
	require.NoError(t, err)
	return append(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...,
	)
}

func TestServicePrincipalWithCertificate(t *testing.T) {
	t.Parallel()
	for recorded, options := range map[string]*CertificateOptions{
		"sp_certificate":         {},
		"sp_certificate_refused": {SendCertificateChain: true, Password: azureml.NewSecret("of a PFX file, not needed here")},
	} {
		t.Run(recorded, func(t *testing.T) {
			t.Parallel()
			options.ClientOptions = recording.Play(t, recorded).ClientOptions()
			sp, err := NewServicePrincipalWithCertificate(testTenant, testPrincipal, testCertificate(t), options)
			require.NoError(t, err)
			_, err = sp.Header(t.Context())
			if recorded == "sp_certificate" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, azureml.ErrUnauthorized)
			assert.Contains(t, failure(t, err).Remedy, "certificate")
		})
	}
}

// TestServicePrincipalWithPFX opens files that openssl made: one without a password, one
// with the password "pfx-PLANTED-password".
func TestServicePrincipalWithPFX(t *testing.T) {
	t.Parallel()
	const password = "pfx-PLANTED-password"
	open := func(name, password string) error {
		encoded, err := os.ReadFile("testdata/" + name)
		require.NoError(t, err)
		data, err := base64.StdEncoding.DecodeString(string(encoded))
		require.NoError(t, err)
		_, err = NewServicePrincipalWithCertificate(testTenant, testPrincipal, data, &CertificateOptions{Password: azureml.NewSecret(password)})
		return err
	}
	require.NoError(t, open("principal.pfx.b64", ""))
	require.NoError(t, open("locked.pfx.b64", password))
	err := open("locked.pfx.b64", password+"!")
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, "Password (21 bytes) does not open the certificate")
	noSecret(t, err, password)
}

func TestServicePrincipalWithCertificateInvalid(t *testing.T) {
	t.Parallel()
	both := testCertificate(t)
	certificate, rest := pem.Decode(both)
	key, _ := pem.Decode(rest)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ecDER, err := x509.MarshalECPrivateKey(ec)
	require.NoError(t, err)
	encode := func(blocks ...*pem.Block) (all []byte) {
		for _, b := range blocks {
			all = append(all, pem.EncodeToMemory(b)...)
		}
		return all
	}
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":       {nil, "certificate is required"},
		"only a key":    {encode(key), "holds a private key but no certificate"},
		"no key":        {encode(certificate), "holds no RSA private key"},
		"EC key":        {encode(certificate, &pem.Block{Type: "EC PRIVATE KEY", Bytes: ecDER}), "holds no RSA private key"},
		"two keys":      {encode(certificate, key, key), "several private keys"},
		"encrypted key": {encode(certificate, &pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}), "unencrypted"},
		"broken PEM":    {encode(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), "no PEM that can be read"},
		"garbage":       {[]byte("PLANTED\x00garbage"), "neither PEM nor a PFX"},
		"a path":        {[]byte("PLANTED/principal.pem"), "if it is a path, read it with os.ReadFile"},
		"ended":         {certificateUntil(t, time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)), "certificate ended on 2020-02-03"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewServicePrincipalWithCertificate(testTenant, "", test.data, &CertificateOptions{Password: azureml.NewSecret("PLANTED")})
			require.ErrorIs(t, err, azureml.ErrInvalid)
			assert.ErrorContains(t, err, test.want)
			assert.ErrorContains(t, err, "clientID is required", "all at once")
			noSecret(t, err, "PLANTED")
		})
	}
}
