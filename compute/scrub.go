package compute

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/rest"
)

// secretKeys are members of computes of any type that hold secrets where they hold a
// text, in lower case.
var secretKeys = map[string]bool{
	"adminuserpassword": true, "adminusersshprivatekey": true, "password": true, "privatekeydata": true,
	"accesstoken": true, "databricksaccesstoken": true, "adminkubeconfig": true, "userkubeconfig": true,
}

// scrub replaces secrets in a compute's JSON. JSON without any comes back unchanged.
func scrub(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil || !scrubValue(value, "") {
		return raw
	}
	clean, err := rest.Marshal(value)
	if err != nil {
		return nil
	}
	return clean
}

// scrubValue replaces the secrets inside of value, the member called name of something
// larger, and tells whether there were any.
func scrubValue(value any, name string) bool {
	found := false
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			found = scrubValue(item, name) || found
		}
	case map[string]any:
		for key, member := range v {
			text, isText := member.(string)
			switch lower := strings.ToLower(key); {
			case !isText:
				found = scrubValue(member, lower) || found
			case text != "" && (secretKeys[lower] || lower == "key" && name == "sslconfiguration"):
				v[key], found = redact.Mask, true
			}
		}
	}
	return found
}
