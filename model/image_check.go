package model

import "github.com/azureml-go/azureml/internal/validate"

// CheckImage says what [PrepareImage] would refuse, without sending anything: an
// azureml.ErrInvalid with all violations, or nil.
func CheckImage(models []*Model, inference *InferenceConfig) error {
	var c validate.Checker
	planImage(&c, nil, models, inference)
	return c.Err("prepare", "image")
}
