package authentication

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/clouds"
	"github.com/azureml-go/azureml/internal/validate"
)

const (
	authLocation = "AZURE_AUTH_LOCATION"
	sdkAuthFile  = "the output of az ad sp create-for-rbac"
	// longestSDKAuth bounds what is read; the real thing has less than a kilobyte.
	longestSDKAuth = 1 << 20
)

// sdkAuth is what az ad sp create-for-rbac prints, with --sdk-auth and without.
type sdkAuth struct {
	ClientID          string `json:"clientId"`
	ClientSecret      string `json:"clientSecret"`
	ClientCertificate string `json:"clientCertificate"`
	SubscriptionID    string `json:"subscriptionId"`
	TenantID          string `json:"tenantId"`

	Authority       string `json:"activeDirectoryEndpointUrl"`
	ResourceManager string `json:"resourceManagerEndpointUrl"`
	Audience        string `json:"managementEndpointUrl"`

	AppID    string `json:"appId"`
	Password string `json:"password"`
	Tenant   string `json:"tenant"`
}

// NewServicePrincipalFromSDKAuth signs in with the service principal in the JSON that
// az ad sp create-for-rbac --sdk-auth (or --json-auth) prints; what the command prints
// without the flag is understood, too. A certificate that it names is read from that
// path. The endpoints in it choose the cloud, whatever o.Cloud says; where it has none,
// o.Cloud does. [ServicePrincipal.SubscriptionID] is the subscription in it.
//
// Errors: ErrInvalid, naming all that is missing or malformed and never quoting the
// secret. azureml.core has nothing like it.
func NewServicePrincipalFromSDKAuth(r io.Reader, o *ServicePrincipalOptions) (*ServicePrincipal, error) {
	if r == nil {
		return nil, invalid("read", sdkAuthFile, "the reader is nil")
	}
	return sdkAuthFrom(r, ".", optional(o))
}

// NewServicePrincipalFromAuthFile is [NewServicePrincipalFromSDKAuth] for the file that
// the environment variable AZURE_AUTH_LOCATION names.
func NewServicePrincipalFromAuthFile(o *ServicePrincipalOptions) (*ServicePrincipal, error) {
	path := strings.TrimSpace(os.Getenv(authLocation))
	if path == "" {
		return nil, &azureml.Error{
			Operation: "make", Subject: makePrincipal + " from the environment", Kind: azureml.ErrInvalid,
			Violations: []azureml.Violation{{Field: authLocation, Rule: "is not set"}},
			Remedy:     "Set it to the path of the file that has the output of: az ad sp create-for-rbac --sdk-auth",
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &azureml.Error{Operation: "read", Subject: "the file that " + authLocation + " names", Kind: azureml.ErrInvalid, Message: err.Error(), Err: err}
	}
	defer f.Close()
	return sdkAuthFrom(f, filepath.Dir(path), optional(o))
}

func sdkAuthFrom(r io.Reader, folder string, o ServicePrincipalOptions) (*ServicePrincipal, error) {
	data, err := io.ReadAll(io.LimitReader(r, longestSDKAuth+1))
	if err != nil {
		return nil, &azureml.Error{Operation: "read", Subject: sdkAuthFile, Kind: azureml.ErrInvalid, Message: "it cannot be read: " + err.Error(), Err: err}
	}
	found, configuration, err := parseSDKAuth(data)
	if err != nil {
		return nil, err
	}
	if configuration.ActiveDirectoryAuthorityHost != "" || len(configuration.Services) > 0 {
		o.Cloud = configuration
	}
	var p *ServicePrincipal
	if found.ClientSecret != "" {
		p, err = NewServicePrincipal(found.TenantID, found.ClientID, azureml.NewSecret(found.ClientSecret), &o)
	} else {
		p, err = withCertificateFile(found, folder, o)
	}
	if err != nil {
		return nil, err
	}
	p.subscriptionID = found.SubscriptionID
	return p, nil
}

func withCertificateFile(found sdkAuth, folder string, o ServicePrincipalOptions) (*ServicePrincipal, error) {
	path := found.ClientCertificate
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &azureml.Error{Operation: "read", Subject: "the certificate that clientCertificate names", Kind: azureml.ErrInvalid, Message: err.Error(), Err: err}
	}
	return NewServicePrincipalWithCertificate(found.TenantID, found.ClientID, data, &CertificateOptions{ServicePrincipalOptions: o})
}

// parseSDKAuth reads the JSON; the configuration is empty when it names no endpoints.
func parseSDKAuth(data []byte) (sdkAuth, cloud.Configuration, error) {
	var found sdkAuth
	if len(data) > longestSDKAuth {
		return found, cloud.Configuration{}, invalid("read", sdkAuthFile, "it is too long")
	}
	data = utf8Of(data)
	if len(bytes.TrimSpace(data)) == 0 {
		return found, cloud.Configuration{}, invalid("read", sdkAuthFile, "it is empty")
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return sdkAuth{}, cloud.Configuration{}, invalid("read", sdkAuthFile, notJSON(err))
	}
	found.tidy()
	var check validate.Checker
	check.Require("clientId", found.ClientID)
	if check.Require("tenantId", found.TenantID) {
		check.Match("tenantId", found.TenantID, tenantPattern, tenantRule)
	}
	if found.ClientSecret == "" && found.ClientCertificate == "" {
		check.Add("clientSecret", nil, "is required (or clientCertificate)")
	}
	configuration := found.cloud(&check)
	if err := check.Err("read", sdkAuthFile); err != nil {
		return sdkAuth{}, cloud.Configuration{}, err
	}
	return found, configuration, nil
}

// tidy brings both forms together.
func (s *sdkAuth) tidy() {
	trim := strings.TrimSpace
	s.ClientID = cmp.Or(trim(s.ClientID), trim(s.AppID))
	s.ClientSecret = cmp.Or(trim(s.ClientSecret), trim(s.Password))
	s.TenantID = cmp.Or(trim(s.TenantID), trim(s.Tenant))
	s.ClientCertificate, s.SubscriptionID = trim(s.ClientCertificate), trim(s.SubscriptionID)
	s.Authority, s.ResourceManager, s.Audience = trim(s.Authority), trim(s.ResourceManager), trim(s.Audience)
	s.AppID, s.Password, s.Tenant = "", "", ""
}

// cloud is the cloud that the endpoints name: an open one where they are its own.
func (s *sdkAuth) cloud(check *validate.Checker) cloud.Configuration {
	https := func(field, address string) {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
			check.Add(field, address, "must be an https address")
		}
	}
	https("activeDirectoryEndpointUrl", s.Authority)
	https("resourceManagerEndpointUrl", s.ResourceManager)
	if s.Authority == "" && s.ResourceManager == "" || !check.OK() {
		return cloud.Configuration{}
	}
	configuration := cloud.Configuration{ActiveDirectoryAuthorityHost: s.Authority}
	if s.ResourceManager != "" {
		configuration.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: s.ResourceManager, Audience: s.Audience},
		}
	}
	known, ok := clouds.Of(configuration)
	switch _, open := clouds.ByName(known.Name); {
	case ok && open && (s.Authority == "" || clouds.Same(cloud.Configuration{ActiveDirectoryAuthorityHost: s.Authority}, cloud.Configuration{ActiveDirectoryAuthorityHost: known.Authority})):
		return known.Configuration()
	case s.Authority == "":
		check.Add("activeDirectoryEndpointUrl", nil, "is required for the resource manager of a private cloud")
	}
	return configuration
}

// notJSON says what is wrong without quoting anything, as it may be the secret.
func notJSON(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if e.Field == "" {
			return "it must be a JSON object, not a JSON " + e.Value
		}
		return fmt.Sprintf("%s must be a text, not a JSON %s", e.Field, e.Value)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("it is not valid JSON (at byte %d)", e.Offset)
	}
	return "it is not valid JSON"
}

// utf8Of takes off a byte order mark and decodes UTF-16, which PowerShell's > writes.
func utf8Of(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	units := make([]uint16, 0, len(data)/2)
	for rest := data[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	return []byte(string(utf16.Decode(units)))
}
