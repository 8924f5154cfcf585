package webservice

import (
	"encoding/json"

	"github.com/azureml-go/azureml/internal/validate"
)

// CheckAksUpdate gives the fields that break a rule, and the patch.
func CheckAksUpdate(s *AksWebservice, u AksUpdate) (broken []string, patch json.RawMessage) {
	var check validate.Checker
	u.check(&check, s)
	p := u.patch()
	checkEmpty(&check, &p)
	for _, v := range check.Violations() {
		broken = append(broken, v.Field)
	}
	patch, err := p.MarshalJSON()
	if err != nil {
		panic(err)
	}
	return broken, patch
}
