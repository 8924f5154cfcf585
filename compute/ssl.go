package compute

import (
	"regexp"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// SslConfiguration says how the services of a cluster are served over https: with an
// own certificate (CName, a certificate and its key), or with one of Microsoft's for a
// leaf domain label (LeafDomainLabel). The two exclude each other.
//
// It mirrors enable_ssl of azureml.core's configurations, and SslConfiguration.
type SslConfiguration struct {
	// CName is the host name of the services, one that the certificate is for. A DNS
	// record for it must lead to the cluster.
	CName string
	// CertPEM is the certificate in PEM form, the certificate of the host first, those
	// of its issuers behind it. CertPEMFile is a file that holds it. Give one of them.
	CertPEM     string
	CertPEMFile string
	// KeyPEM is the certificate's private key in PEM form, not encrypted. KeyPEMFile is
	// a file that holds it. Give one of them. Files are read when the operation begins;
	// line ends of Windows become those of Unix.
	KeyPEM     azureml.Secret
	KeyPEMFile string
	// LeafDomainLabel is the first label of the host name under which Microsoft issues a
	// certificate: LABELxxxxxx.REGION.cloudapp.azure.com, with six random characters
	// that the service appends. Give it without them.
	LeafDomainLabel string
	// OverwriteExistingDomain takes the label over if another cluster has it. Only with
	// LeafDomainLabel.
	OverwriteExistingDomain bool
}

// wireSsl is the TLS part of a request (contract: compute §4, §7.1).
type wireSsl struct {
	Status                  SslStatus `json:"status"`
	CName                   string    `json:"cname,omitempty"`
	Cert                    string    `json:"cert,omitempty"`
	Key                     string    `json:"key,omitempty"`
	LeafDomainLabel         string    `json:"leafDomainLabel,omitempty"`
	OverwriteExistingDomain *bool     `json:"overwriteExistingDomain,omitempty"`
}

var (
	hostPattern  = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	labelPattern = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
)

// build checks s and makes the request's part; nil when s is.
func (s *SslConfiguration) build(check *validate.Checker, warn func(string)) *wireSsl {
	if s == nil {
		return nil
	}
	own := s.CName != "" || s.CertPEM != "" || s.CertPEMFile != "" || !s.KeyPEM.IsZero() || s.KeyPEMFile != ""
	switch {
	case own:
		return s.buildOwn(check, warn)
	case s.LeafDomainLabel != "":
		check.Match("LeafDomainLabel", s.LeafDomainLabel, labelPattern, "must be one DNS label: letters, digits and dashes, a letter first, at most 63")
		overwrite := s.OverwriteExistingDomain
		return &wireSsl{Status: SslAuto, LeafDomainLabel: s.LeafDomainLabel, OverwriteExistingDomain: &overwrite}
	case s.OverwriteExistingDomain:
		check.Add("OverwriteExistingDomain", true, "goes only with LeafDomainLabel")
	default:
		check.Add("LeafDomainLabel", nil, "is required, or CName with a certificate and its key; leave SSL nil for plain http")
	}
	return nil
}

func (s *SslConfiguration) buildOwn(check *validate.Checker, warn func(string)) *wireSsl {
	if s.LeafDomainLabel != "" {
		check.Add("LeafDomainLabel", s.LeafDomainLabel, "excludes an own certificate (CName, CertPEM, KeyPEM)")
	}
	if s.OverwriteExistingDomain {
		check.Add("OverwriteExistingDomain", true, "goes only with LeafDomainLabel, not with an own certificate")
	}
	if check.Require("CName", s.CName) {
		check.Match("CName", s.CName, hostPattern, "must be a full host name, without scheme and port")
	}
	cert, certOK := validate.PEM(check, "CertPEM", s.CertPEM, "CertPEMFile", s.CertPEMFile)
	key, keyOK := validate.PEM(check, "KeyPEM", s.KeyPEM.Reveal(), "KeyPEMFile", s.KeyPEMFile)
	if certOK || keyOK {
		checkPair(check, pair{cert: cert, key: key, hasCert: certOK, hasKey: keyOK, host: s.CName, now: time.Now()}, warn)
	}
	return &wireSsl{Status: SslEnabled, CName: s.CName, Cert: cert, Key: key}
}
