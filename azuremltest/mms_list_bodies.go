package azuremltest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

// modelFilters are the members by which a list of models can be asked for in a body.
var modelFilters = map[string]string{
	"name": "name", "version": "version", "framework": "framework", "description": "description", "runId": "runId", "datasetId": "datasetId",
	"tag": "tag", "tags": "tags", "properties": "properties", "count": "count", "orderBy": "orderBy", "latestVersionOnly": "latestVersionOnly",
	"skipToken": "$skipToken",
}

// serviceFilters are those of a list of services.
var serviceFilters = map[string]string{
	"name": "name", "computeType": "computeType", "modelName": "modelName", "modelId": "modelId", "imageDigest": "imageDigest", "imageName": "imageName",
	"imageId": "imageId", "runId": "runId", "tag": "tag", "tags": "tags", "properties": "properties", "count": "count", "orderBy": "orderBy",
	"expand": "expand", "skipToken": "$skipToken",
}

// listByBody is a list with the filters in the body. contract: model §5.2, webservice §2
func (c *call) listByBody(filters map[string]string, list func()) {
	var asked map[string]any
	if !c.decode(&asked) {
		return
	}
	query := url.Values{}
	for member, value := range asked {
		parameter, known := filters[member]
		if !known {
			c.invalid("InvalidFilter", "Could not find member '%s' on the request.", member)
			return
		}
		switch v := value.(type) {
		case nil:
		case string:
			query.Set(parameter, v)
		case bool:
			query.Set(parameter, strconv.FormatBool(v))
		case float64:
			query.Set(parameter, strconv.FormatFloat(v, 'f', -1, 64))
		default:
			c.invalid("InvalidFilter", "The value of '%s' is no text, number or boolean.", member)
			return
		}
	}
	r := c.r.Clone(c.r.Context())
	r.URL.RawQuery = query.Encode()
	c.r = r
	list()
}

// nextRequest is the body of the request for the next page, nil where lists are asked
// for with a query.
func (c *call) nextRequest(token string) map[string]any {
	var asked map[string]any
	if c.r.Method != http.MethodPost || json.Unmarshal(c.body, &asked) != nil {
		return nil
	}
	next := maps.Clone(asked)
	next["skipToken"] = token
	return next
}

// hasVersion tells whether a version is the one that is asked for; "" is any.
func hasVersion(version int64, asked string) bool { return asked == "" || asked == fmt.Sprint(version) }
