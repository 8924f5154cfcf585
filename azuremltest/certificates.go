package azuremltest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Certificates are valid at every time that a test may believe it is: the
// clock of testing/synctest starts in 2000.
var (
	certNotBefore = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	certNotAfter  = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
)

// authorityCertificates makes and keeps a server's certificates: those of its
// certificate authority, made when first wanted, and of hosts.
type authorityCertificates struct {
	authority func() *certificateAuthority

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// certificateAuthority is a self-signed root, and the one key that all the
// server's hosts share.
type certificateAuthority struct {
	key     *ecdsa.PrivateKey
	leafKey *ecdsa.PrivateKey
	cert    *x509.Certificate
	pool    *x509.CertPool
	pem     []byte
}

func newAuthorityCertificates() *authorityCertificates {
	return &authorityCertificates{authority: sync.OnceValue(newCertificateAuthority), leaves: map[string]*tls.Certificate{}}
}

func newCertificateAuthority() *certificateAuthority {
	key, leafKey := newKey(), newKey()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "azuremltest", Organization: []string{"azuremltest: for tests only"}},
		NotBefore:             certNotBefore,
		NotAfter:              certNotAfter,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic("azuremltest: cannot make a certificate authority: " + err.Error())
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic("azuremltest: cannot read its own certificate: " + err.Error())
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &certificateAuthority{
		key: key, leafKey: leafKey, cert: cert, pool: pool,
		pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("azuremltest: cannot make a key: " + err.Error())
	}
	return key
}

func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}

// certificate answers a TLS handshake. Clients that connect to an IP address
// name no host; they get a certificate for all addresses there are.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName != "" {
		return s.certs.leaf([]string{hostname(hello.ServerName)})
	}
	return s.certs.leaf(s.addresses())
}

// addresses returns the IP addresses at which something is emulated.
func (s *Server) addresses() []string {
	list := []string{"127.0.0.1", "::1", imdsHost}
	if s.selfHost != "" {
		list = append(list, s.selfHost)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for host := range s.scoringHosts {
		if net.ParseIP(host) != nil {
			list = append(list, host)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// leaf returns a certificate for the given names and addresses.
func (a *authorityCertificates) leaf(hosts []string) (*tls.Certificate, error) {
	id := strings.Join(hosts, " ")
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.leaves[id]; c != nil {
		return c, nil
	}
	ca := a.authority()
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: hosts[0][:min(len(hosts[0]), 64)]},
		NotBefore:    certNotBefore,
		NotAfter:     certNotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, ca.leafKey.Public(), ca.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: ca.leafKey}
	a.leaves[id] = c
	return c, nil
}

// CACertificate returns the certificate of the server's own certificate
// authority in PEM form, for clients that are told whom to trust by a file
// (SSL_CERT_FILE, REQUESTS_CA_BUNDLE, curl --cacert).
func (s *Server) CACertificate() []byte { return slices.Clone(s.certs.authority().pem) }

// CertPool returns a pool with the certificate of the server's own certificate
// authority, for clients written in Go.
func (s *Server) CertPool() *x509.CertPool { return s.certs.authority().pool.Clone() }
