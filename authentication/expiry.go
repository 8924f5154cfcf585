package authentication

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// plainExpiry is a policy that writes the expiry in the answers of managed identity
// endpoints as the number of seconds that azidentity reads. App Service's older
// interface gives a date with a zone ("11/05/2026 15:18:31 +00:00").
type plainExpiry struct{}

// Do rewrites the answer.
func (plainExpiry) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return resp, nil //nolint:nilerr // azidentity meets the same error and reports it
	}
	if plain, changed := withPlainExpiry(body); changed {
		resp.Body = io.NopCloser(bytes.NewReader(plain))
		resp.ContentLength = int64(len(plain))
	}
	return resp, nil
}

// expiryForms are the dates that are known to be sent; Go takes one or two digits alike.
var expiryForms = []string{"1/2/2006 15:04:05 -07:00", "1/2/2006 3:04:05 PM -07:00", "1/2/2006 3:04:05 PM", time.RFC3339}

func withPlainExpiry(body []byte) ([]byte, bool) {
	var fields map[string]json.RawMessage
	var text string
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields["expires_on"], &text) != nil {
		return body, false
	}
	for _, form := range expiryForms {
		at, err := time.Parse(form, text)
		if err != nil {
			continue
		}
		fields["expires_on"] = json.RawMessage(strconv.Quote(strconv.FormatInt(at.Unix(), 10)))
		plain, err := json.Marshal(fields)
		return plain, err == nil
	}
	return body, false
}
