package compute

import (
	"encoding/json"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// provisioningErrors reads the errors of a failed compute: a list of wrapped errors by
// contract; a single one, bare ones and texts are taken as well.
func provisioningErrors(raw json.RawMessage) []azureml.ErrorDetail {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		items = []json.RawMessage{raw}
	}
	var all []azureml.ErrorDetail
	for _, item := range items {
		if len(item) == 0 || string(item) == "null" {
			continue
		}
		p := rest.ParseError(item, "application/json")
		all = append(all, unwrapped(azureml.ErrorDetail{Code: p.Code, Message: p.Message})...)
		for _, d := range p.Details {
			all = append(all, unwrapped(d)...)
		}
	}
	return all
}

// unwrapped takes the JSON out of an error's message, which template deployments put
// there, and gives what it says as further errors. A detail that says nothing is none.
func unwrapped(d azureml.ErrorDetail) []azureml.ErrorDetail {
	text, inner := splitMessage(d.Message)
	d.Message = text
	if d.Code == "" && d.Message == "" {
		return inner
	}
	return append([]azureml.ErrorDetail{d}, inner...)
}

// splitMessage parts "text: {JSON of an error}" into the text and the errors in the
// JSON. A message without such JSON comes back as it is.
func splitMessage(message string) (string, []azureml.ErrorDetail) {
	start := strings.IndexByte(message, '{')
	if start < 0 {
		return message, nil
	}
	var raw json.RawMessage
	if json.NewDecoder(strings.NewReader(message[start:])).Decode(&raw) != nil {
		return message, nil
	}
	p := rest.ParseError(raw, "application/json")
	if p.Code == "" && p.Message == "" && len(p.Details) == 0 {
		return message, nil
	}
	var inner []azureml.ErrorDetail
	if p.Code != "" || p.Message != "" {
		inner = append(inner, azureml.ErrorDetail{Code: p.Code, Message: p.Message})
	}
	return strings.TrimRight(message[:start], " \t\r\n:'\""), append(inner, p.Details...)
}
