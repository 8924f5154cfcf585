package compute

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// AksCredentials are the keys to an AKS cluster. They print and marshal as redacted.
type AksCredentials struct {
	// AdminKubeconfig and UserKubeconfig are files for kubectl, as YAML.
	AdminKubeconfig azureml.Secret `json:"adminKubeConfig,omitzero"`
	UserKubeconfig  azureml.Secret `json:"userKubeConfig,omitzero"`
	// RawAdminKubeconfig and RawUserKubeconfig are the same as the service sent them,
	// which may be in base64.
	RawAdminKubeconfig azureml.Secret `json:"rawAdminKubeConfig,omitzero"`
	RawUserKubeconfig  azureml.Secret `json:"rawUserKubeConfig,omitzero"`
	// ImagePullSecretName is the name of the cluster's secret for fetching images.
	ImagePullSecretName string `json:"imagePullSecretName,omitempty"`
}

// wireCredentials is the answer of listKeys.
type wireCredentials struct {
	User   string `json:"userKubeConfig"`
	Admin  string `json:"adminKubeConfig"`
	Secret string `json:"imagePullSecretName"`
}

// Credentials fetches the keys to the cluster, with one request. Whoever has them
// controls the cluster: write them to files of mode 0600 only.
//
// It needs the right to list the compute's keys (Contributor on the workspace), which is
// azureml.ErrForbidden otherwise. It mirrors azureml.core's get_credentials.
func (c *AksCompute) Credentials(ctx context.Context) (*AksCredentials, error) {
	if err := c.connected("get the credentials of"); err != nil {
		return nil, err
	}
	var found wireCredentials
	_, err := c.ws.Do(ctx, workspace.Request{
		Service: workspace.ResourceManager, Operation: "get the credentials of", Subject: subject(c.Name),
		Method: http.MethodPost, Path: path(c.Name) + "/listKeys", Repeat: workspace.RepeatAlways,
	}, &found)
	if e, ok := errors.AsType[*azureml.Error](err); ok {
		// An answer that could not be understood may hold the keys all the same.
		e.Body = nil
	}
	if err != nil {
		return nil, err
	}
	return &AksCredentials{
		AdminKubeconfig: azureml.NewSecret(decoded(found.Admin)), RawAdminKubeconfig: azureml.NewSecret(found.Admin),
		UserKubeconfig: azureml.NewSecret(decoded(found.User)), RawUserKubeconfig: azureml.NewSecret(found.User),
		ImagePullSecretName: found.Secret,
	}, nil
}

// decoded is a kubeconfig as text; the service sends it in base64 or as it is. A YAML
// text is never base64: it holds colons.
func decoded(text string) string {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(data) == 0 || !utf8.Valid(data) {
		return text
	}
	return string(data)
}
