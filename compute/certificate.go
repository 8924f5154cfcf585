package compute

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// pair is an own certificate and its key, as far as they could be read.
type pair struct {
	cert, key       string
	hasCert, hasKey bool
	host            string
	now             time.Time
}

// checkPair notes a certificate or a key that does not parse, and a key that is not the
// certificate's. What a server may well take, and a client then refuse, is a warning.
func checkPair(check *validate.Checker, p pair, warn func(string)) {
	var chain []*x509.Certificate
	var key crypto.Signer
	var err error
	if p.hasCert {
		if chain, err = parseCertificates([]byte(p.cert)); err != nil {
			check.Add("CertPEM", azureml.NewSecret(p.cert), err.Error())
		}
	}
	if p.hasKey {
		if key, err = parseKey([]byte(p.key)); err != nil {
			check.Add("KeyPEM", azureml.NewSecret(p.key), err.Error())
		}
	}
	if len(chain) == 0 {
		return
	}
	if key != nil {
		checkMatch(check, chain, key)
	}
	leaf := chain[0]
	if p.now.After(leaf.NotAfter) {
		warn("the certificate expired on " + leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	if p.now.Before(leaf.NotBefore) {
		warn("the certificate is not valid before " + leaf.NotBefore.UTC().Format(time.DateOnly))
	}
	if p.host != "" && leaf.VerifyHostname(strings.Replace(p.host, "*.", "any.", 1)) != nil {
		warn(fmt.Sprintf("the certificate is not for %s; clients will refuse it", p.host))
	}
}

func checkMatch(check *validate.Checker, chain []*x509.Certificate, key crypto.Signer) {
	for i, certificate := range chain {
		public, ok := certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
		switch {
		case !ok || !public.Equal(key.Public()):
		case i > 0:
			check.Addf("CertPEM", nil, "must begin with the certificate of the key, which is the %d. in it", i+1)
			return
		default:
			return
		}
	}
	check.Add("KeyPEM", nil, "is not the key of the certificate")
}

// parseCertificates reads all certificates of a PEM text. The errors are rules for
// people and quote nothing.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("must be certificates in PEM form; the %d. does not parse", len(chain)+1)
		}
		chain = append(chain, certificate)
	}
	if len(chain) == 0 {
		return nil, errors.New("must be a certificate in PEM form (-----BEGIN CERTIFICATE-----)")
	}
	return chain, nil
}

// parseKey reads the first private key of a PEM text. The errors quote nothing.
func parseKey(data []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return nil, errors.New("must be a private key in PEM form (-----BEGIN PRIVATE KEY-----)")
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, errors.New("must not be encrypted with a password")
		}
		return parseKeyBlock(block)
	}
}

func parseKeyBlock(block *pem.Block) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		switch k := key.(type) {
		case *rsa.PrivateKey:
			return k, nil
		case *ecdsa.PrivateKey:
			return k, nil
		case ed25519.PrivateKey:
			return k, nil
		}
		return nil, errors.New("must be an RSA, ECDSA or Ed25519 key")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, errors.New("must be a private key in PEM form; it does not parse")
}
