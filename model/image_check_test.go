package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
)

func TestCheckImage(t *testing.T) {
	t.Parallel()
	require.NoError(t, model.CheckImage([]*model.Model{{ID: "m:1", Framework: model.FrameworkMulti}}, nil))
	err := model.CheckImage([]*model.Model{nil, {ID: "m:1"}, {ID: "m:1"}}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	e := new(azureml.Error)
	require.ErrorAs(t, err, &e)
	assert.Len(t, e.Violations, 3, "all of them: %v", e.Violations)
}
