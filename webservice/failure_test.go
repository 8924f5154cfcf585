package webservice

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azureml-go/azureml"
)

// TestOwnErrorsAreRedacted: what a service says of its failure may hold signed addresses.
func TestOwnErrorsAreRedacted(t *testing.T) {
	t.Parallel()
	const address = "see https://store.blob.core.windows.net/log.txt?sv=2019-07-07&sig=planted%2Fsignature"
	var e azureml.Error
	adopt(&e, &ServiceError{Code: "X", Message: address, StatusCode: 400, Details: []azureml.ErrorDetail{{Code: "Y", Message: address}}})
	assert.Equal(t, "X", e.Code)
	assert.Contains(t, azureml.Explain(&e), "see https://store.blob.core.windows.net/log.txt")
	assert.NotContains(t, azureml.Explain(&e)+e.Error(), "planted")
	untouched := azureml.Error{Code: "Z", Message: "was there"}
	adopt(&untouched, &ServiceError{})
	adopt(&untouched, nil)
	assert.Equal(t, azureml.Error{Code: "Z", Message: "was there"}, untouched)
}
