package authentication

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml/internal/clouds"
)

// recordFile is where it is noted who signed in last: names and ids, no secret.
type recordFile struct{ path string }

// recordPath is the file that is meant, "" for none.
func recordPath(given string) string {
	switch strings.TrimSpace(given) {
	case noRecord:
		return ""
	case "":
		folder, err := os.UserConfigDir()
		if err != nil {
			return ""
		}
		return filepath.Join(folder, "azureml", "authentication-record.json")
	}
	return given
}

// read gives what is noted; a file that is not there or not understood is none.
func (f recordFile) read() azidentity.AuthenticationRecord {
	var record azidentity.AuthenticationRecord
	if f.path == "" {
		return record
	}
	data, err := os.ReadFile(f.path)
	if err != nil || json.Unmarshal(data, &record) != nil {
		return azidentity.AuthenticationRecord{}
	}
	return record
}

// write notes who signed in, so that no reader sees half of it.
func (f recordFile) write(record azidentity.AuthenticationRecord) error {
	if f.path == "" {
		return nil
	}
	data, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	folder := filepath.Dir(f.path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(folder, ".authentication-record-*") // makes it 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // gone already when all went well
	if _, err := temporary.Write(append(data, '\n')); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), f.path)
}

// fits tells whether the account that is noted is one that the options can mean.
func fits(record azidentity.AuthenticationRecord, o InteractiveLoginOptions) bool {
	return record.ClientID == o.ClientID &&
		clouds.Same(cloud.Configuration{ActiveDirectoryAuthorityHost: record.Authority}, cloud.Configuration{ActiveDirectoryAuthorityHost: o.Cloud.ActiveDirectoryAuthorityHost}) &&
		(o.TenantID == "" || strings.EqualFold(o.TenantID, record.TenantID) || ownDomain(record, o.TenantID)) &&
		(o.LoginHint == "" || strings.EqualFold(o.LoginHint, record.Username))
}

// ownDomain tells whether a tenant that is given by a domain is that of the account: the
// one where it is at home, as its name says.
func ownDomain(record azidentity.AuthenticationRecord, tenant string) bool {
	_, home, _ := strings.Cut(record.HomeAccountID, ".")
	_, domain, _ := strings.Cut(record.Username, "@")
	return strings.EqualFold(tenant, domain) && strings.EqualFold(home, record.TenantID)
}
