package workspace

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/configfile"
)

// FromConfigOptions are the optional parts of [FromConfig].
type FromConfigOptions struct {
	// ClientOptions apply to every call made through the workspace; see [GetOptions].
	azcore.ClientOptions
	// Path is a config file, or the folder where the search begins; "~" at its start is
	// the home folder. Default: the working directory.
	Path string
	// Strict takes the file nearest to the start. Without it the order is that of
	// azureml.core, in which .azureml/config.json in a parent folder comes before
	// config.json in the folder itself.
	Strict bool
	// SubscriptionID, ResourceGroup and WorkspaceName, where set, stand in for what the
	// file says.
	SubscriptionID string
	ResourceGroup  string
	WorkspaceName  string
	// OnWarning gets what is worth saying, for all calls made through the workspace.
	OnWarning func(azureml.Warning)
}

// FromConfig opens the workspace that a config file names. The file is looked for as
// azureml.core's Workspace.from_config does: for each of .azureml/config.json,
// .azureml/project.json, aml_config/config.json, aml_config/project.json, config.json
// and project.json, in this order, from the start folder up to the root. Both forms of
// the file are read: subscription_id, resource_group, workspace_name; or Scope with the
// workspace's id. Without any file the environment variables AZUREML_SUBSCRIPTION_ID,
// AZUREML_RESOURCE_GROUP and AZUREML_WORKSPACE_NAME, all three set, stand in.
//
// The result's ConfigFile says which file it was. Errors: ErrNotFound when there is no
// file (its Remedy lists every path tried) or no such workspace, ErrInvalid for a file
// that cannot be understood (with line and column), and those of [Get].
func FromConfig(ctx context.Context, credential azcore.TokenCredential, o *FromConfigOptions) (*Workspace, error) {
	var options FromConfigOptions
	if o != nil {
		options = *o
	}
	asked, file, err := options.find()
	if err != nil {
		return nil, err
	}
	ws, err := Get(ctx, asked.name, credential, &GetOptions{
		ClientOptions: options.ClientOptions, SubscriptionID: asked.subscription, ResourceGroup: asked.group, OnWarning: options.OnWarning,
	})
	if err != nil {
		return nil, fromFile(err, file)
	}
	ws.ConfigFile = file
	return ws, nil
}

// fromFile adds to a failure which file the names came from.
func fromFile(err error, file string) error {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok || file == "" {
		return err
	}
	copied := *e
	if copied.Remedy != "" {
		copied.Remedy += "\n"
	}
	copied.Remedy += "The workspace was named by " + file + "."
	return &copied
}

// find says which workspace is meant, and by which file.
func (o FromConfigOptions) find() (reference, string, error) {
	overrides := reference{trim(o.SubscriptionID), trim(o.ResourceGroup), trim(o.WorkspaceName)}
	file, tried, err := search(o.Path, o.Strict)
	if err != nil {
		return reference{}, "", configError("", err)
	}
	if file == "" {
		if fromEnv := environment(); fromEnv != (reference{}) {
			return fromEnv.with(overrides), "", nil
		}
		if overrides.subscription != "" && overrides.group != "" && overrides.name != "" {
			return overrides, "", nil
		}
		return reference{}, "", noConfig(o.Path, tried)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return reference{}, file, configError(file, err)
	}
	found, err := parseConfig(data, overrides)
	if err != nil {
		return reference{}, file, configError(file, err)
	}
	if o.OnWarning != nil {
		for _, slip := range slips(data) {
			o.OnWarning(azureml.Warning{Subject: "the config file " + file, Message: slip})
		}
	}
	return found, file, nil
}

// with puts what is set in over in place of r's own.
func (r reference) with(over reference) reference {
	return reference{cmp.Or(over.subscription, r.subscription), cmp.Or(over.group, r.group), cmp.Or(over.name, r.name)}
}

// environment is the workspace that three variables name together, or nothing.
func environment() reference {
	r := reference{trim(os.Getenv("AZUREML_SUBSCRIPTION_ID")), trim(os.Getenv("AZUREML_RESOURCE_GROUP")), trim(os.Getenv("AZUREML_WORKSPACE_NAME"))}
	if r.subscription == "" || r.group == "" || r.name == "" {
		return reference{}
	}
	return r
}

// configFile is a config file in either form. Further keys are ignored. The published
// JSON schema is made of this type: its comments are what editors show.
type configFile struct {
	// The workspace's Azure Resource Manager id. Where it is set, the other keys are not read.
	Scope string `json:"Scope"`
	// Not read; azureml.core writes null.
	ID json.RawMessage `json:"Id"`
	// The id of the subscription that the workspace is in.
	SubscriptionID string `json:"subscription_id"`
	// The name of the resource group that the workspace is in.
	ResourceGroup string `json:"resource_group"`
	// The name of the workspace.
	WorkspaceName string `json:"workspace_name"`
}

// slips are the keys that are not known but look like known ones, in words.
func slips(data []byte) []string {
	known := configfile.Keys(reflect.TypeFor[configFile]())
	var found []string
	for _, m := range configfile.ParseJSON(data).Root.Members {
		near := configfile.Nearest(m.Key, known)
		// Upper and lower case are the same to the reading above.
		if near != "" && !strings.EqualFold(near, m.Key) {
			found = append(found, fmt.Sprintf("line %d: unknown key %q; did you mean %q?", m.Line, m.Key, near))
		}
	}
	return found
}

// parseConfig reads a config file; what overrides gives need not be in it.
func parseConfig(data []byte, overrides reference) (reference, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		return reference{}, errors.New("the file is empty")
	}
	var c configFile
	if err := json.Unmarshal(data, &c); err != nil {
		return reference{}, position(data, err)
	}
	if c.Scope = trim(c.Scope); c.Scope != "" {
		found, err := parseID(c.Scope)
		if err != nil {
			return reference{}, fmt.Errorf("in Scope: %w", err)
		}
		return found.with(overrides), nil
	}
	found := reference{trim(c.SubscriptionID), trim(c.ResourceGroup), trim(c.WorkspaceName)}.with(overrides)
	var missing []string
	for _, field := range []struct{ name, value string }{
		{"subscription_id", found.subscription}, {"resource_group", found.group}, {"workspace_name", found.name},
	} {
		if field.value == "" {
			missing = append(missing, field.name)
		}
	}
	if len(missing) > 0 {
		text := strings.Join(missing, ", ") + " missing or empty (the file needs subscription_id, resource_group and workspace_name, or Scope)"
		return reference{}, errors.New(strings.Join(append([]string{text}, slips(data)...), "; "))
	}
	return found, nil
}

// position adds line and column to what encoding/json says.
func position(data []byte, err error) error {
	offset := int64(-1)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = e.Offset
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = e.Offset
		if e.Field == "" {
			err = fmt.Errorf("the file must hold a JSON object, not a JSON %s", e.Value)
		} else {
			err = fmt.Errorf("%s must be a text, not a JSON %s", e.Field, e.Value)
		}
	}
	if offset < 0 || offset > int64(len(data)) {
		return err
	}
	before := data[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Errorf("line %d, column %d: %w", line, max(column, 1), err)
}

func configError(file string, err error) error {
	e := &azureml.Error{Operation: "read", Subject: "the workspace's config file", Kind: azureml.ErrInvalid, Message: err.Error(), Err: err}
	if file != "" {
		e.Subject = "the config file " + file
	}
	if errors.Is(err, os.ErrPermission) {
		e.Kind = azureml.ErrForbidden
	}
	return e
}

func noConfig(start string, tried []string) error {
	if start == "" {
		start = "."
	}
	if abs, err := filepath.Abs(start); err == nil {
		start = abs
	}
	return &azureml.Error{
		Operation: "find", Subject: "a config file of a workspace", Kind: azureml.ErrNotFound,
		Message: fmt.Sprintf("none in %s or the folders above it (%d paths tried)", start, len(tried)),
		Remedy: "Download config.json from the workspace's page in the Azure portal into this folder, name its path, or set\n" +
			"AZUREML_SUBSCRIPTION_ID, AZUREML_RESOURCE_GROUP and AZUREML_WORKSPACE_NAME. Tried, in this order:\n  " + strings.Join(tried, "\n  "),
	}
}
