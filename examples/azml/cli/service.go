package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

func serviceCommands() []command {
	return []command{
		{
			words: "ml service list", short: "list the web services of the workspace", example: "ml service list --compute-type aks --output table",
			setup: setupListServices,
		},
		{
			words: "ml service show", short: "show a web service", example: "ml service show -n myservice",
			setup: withService(func(_ context.Context, _ *session, svc webservice.Webservice) (result, error) {
				return showService(svc), nil
			}),
		},
		{
			words: "ml service logs", short: "print the logs of a web service", example: "ml service logs -n myservice -l 100",
			long: "get-logs is the same.", setup: setupLogs,
		},
		{words: "ml service get-logs", short: "the same as logs", example: "ml service get-logs -n myservice", setup: setupLogs},
		{
			words: "ml service get-keys", short: "print the keys of a web service", example: "ml service get-keys -n myservice",
			setup: withService(func(ctx context.Context, _ *session, svc webservice.Webservice) (result, error) {
				k, err := svc.Keys(ctx)
				if err != nil {
					return result{}, err
				}
				return showKeys(k), nil
			}),
		},
		{
			words: "ml service regen-key", short: "make a new key of a web service", example: "ml service regen-key -n myservice -k Primary",
			long: "Callers with the old key are refused from then on.", setup: setupRegenKey,
		},
		{
			words: "ml service rotate-keys", short: "replace both keys of a web service, one after the other",
			long: "Each new key is tried before the other one is replaced. Clients must fetch keys by\n" +
				"themselves meanwhile; prints nothing when it is done.",
			example: "ml service rotate-keys -n myservice", setup: setupRotateKeys,
		},
		{
			words: "ml service get-access-token", short: "print a token for a web service that asks for tokens",
			example: "ml service get-access-token -n myservice",
			setup: withService(func(ctx context.Context, _ *session, svc webservice.Webservice) (result, error) {
				t, err := svc.Token(ctx)
				if err != nil {
					return result{}, err
				}
				return one(shownToken{t.Token.Reveal(), t.TokenType, t.RefreshAfter, t.ExpiresOn},
					"Access token", t.Token.Reveal(), "Refresh after", t.RefreshAfter, "Expires", t.ExpiresOn), nil
			}),
		},
		{
			words: "ml service run", short: "call a web service", example: `ml service run -n myservice -d '{"data":[[1,2,3]]}'`,
			long: "The answer is printed as the service gave it.", setup: setupRun,
		},
		{
			words: "ml service update", short: "change a web service on AKS or ACI, or an endpoint as a whole", example: "ml service update -n myservice --nr 3 --as false",
			setup: setupUpdateService,
		},
		{
			words: "ml service delete", short: "delete a web service", example: "ml service delete -n myservice",
			setup: withService(func(ctx context.Context, s *session, svc webservice.Webservice) (result, error) {
				p, err := svc.BeginDelete(ctx, nil)
				_, err = wait(ctx, s, p, err)
				return result{}, err
			}),
		},
	}
}

// withService is a command about the web service that -n names.
func withService(act func(context.Context, *session, webservice.Webservice) (result, error)) func(*flags) action {
	return func(f *flags) action {
		name := f.text("n name", "name of the web service (required)")
		return func(ctx context.Context, s *session) (result, error) {
			ws, err := s.workspace(ctx)
			if err != nil {
				return result{}, err
			}
			svc, err := webservice.Get(ctx, ws, *name)
			if err != nil {
				return result{}, err
			}
			return act(ctx, s, svc)
		}
	}
}

func setupListServices(f *flags) action {
	name := f.text("n name", "name of the services")
	kind := f.text("compute-type", "what they run on: aci, aks, aksendpoint")
	modelName := f.text("model-name", "name of a model in them")
	modelID := f.text("model-id", "id of a model in them")
	tags := f.texts("tag", "a tag they have: NAME or NAME=VALUE; may be repeated")
	properties := f.texts("property", "a property they have; may be repeated")
	return func(ctx context.Context, s *session) (result, error) {
		ws, err := s.workspace(ctx)
		if err != nil {
			return result{}, err
		}
		all, err := azureml.Collect(webservice.List(ctx, ws, &webservice.ListOptions{
			Name: *name, ComputeType: webservice.ComputeType(strings.ToUpper(*kind)), ModelName: *modelName, ModelID: *modelID,
			Tags: *tags, Properties: *properties,
		}))
		if err != nil {
			return result{}, err
		}
		return list(all, []string{"NAME", "TYPE", "STATE", "UPDATED", "SCORING URI"}, func(w webservice.Webservice) []any {
			c := w.Common()
			return []any{c.Name, c.ComputeType, c.State, c.UpdatedTime, c.ScoringURI}
		}), nil
	}
}

func showService(w webservice.Webservice) result {
	c := w.Common()
	problem := ""
	if c.Error != nil {
		problem = strings.TrimSpace(c.Error.Code + " " + c.Error.Message)
	}
	r := one(w, "Name", c.Name, "Type", c.ComputeType, "State", c.State, "Scoring URI", c.ScoringURI, "Swagger URI", c.SwaggerURI,
		"Keys", c.AuthEnabled, "Tokens", c.TokenAuthEnabled, "Created", c.CreatedTime, "Updated", c.UpdatedTime,
		"Tags", c.Tags, "Properties", c.Properties, "Description", c.Description, "Error", problem)
	if e, ok := w.(*webservice.AksEndpoint); ok {
		r.rows = append(r.rows, versionRows(e)...)
	}
	return r
}

func setupLogs(f *flags) action {
	lines := f.whole("l num-lines", "how many lines; default 5000")
	initial := f.on("init", "those of the init container, which fetches model and code")
	follow := f.on("follow", "go on printing what is new, until Ctrl-C")
	return withService(func(ctx context.Context, s *session, svc webservice.Webservice) (result, error) {
		if *follow {
			err := svc.FollowLogs(ctx, s.env.Out, &webservice.FollowLogsOptions{LogsOptions: webservice.LogsOptions{Lines: value(*lines), InitContainer: *initial}})
			if ctx.Err() != nil {
				err = nil // Ctrl-C is how it is meant to end
			}
			return result{}, err
		}
		text, err := svc.Logs(ctx, &webservice.LogsOptions{Lines: value(*lines), InitContainer: *initial})
		if err != nil {
			return result{}, err
		}
		return result{text: text, verbatim: true}, nil
	})(f)
}

// shownKeys and shownToken are secrets that somebody has asked to see.
type shownKeys struct {
	Primary   string `json:"primaryKey"`
	Secondary string `json:"secondaryKey"`
}

type shownToken struct {
	Token        string    `json:"accessToken"`
	TokenType    string    `json:"tokenType"`
	RefreshAfter time.Time `json:"refreshAfter,omitzero"`
	ExpiresOn    time.Time `json:"expiryOn,omitzero"`
}

func showKeys(k *webservice.Keys) result {
	shown := shownKeys{k.Primary.Reveal(), k.Secondary.Reveal()}
	return one(shown, "Primary key", shown.Primary, "Secondary key", shown.Secondary)
}

func setupRegenKey(f *flags) action {
	key := f.choice("k key", "which one (required)", string(webservice.KeyTypePrimary), string(webservice.KeyTypeSecondary))
	set := f.text("set-key", "the key to set; default: one that the service makes")
	return withService(func(ctx context.Context, _ *session, svc webservice.Webservice) (result, error) {
		k, err := svc.RegenerateKey(ctx, webservice.KeyType(*key), &webservice.RegenerateKeyOptions{Value: azureml.NewSecret(*set)})
		if err != nil {
			return result{}, err
		}
		return showKeys(k), nil
	})(f)
}

func setupRotateKeys(f *flags) action {
	return withInput(f, `a request to try keys with: text, "@FILE", or "-" for standard input; default: {"data":[]}`,
		func(ctx context.Context, s *session, svc webservice.Webservice, probe []byte) (result, error) {
			_, err := svc.RotateKeys(ctx, &webservice.RotateKeysOptions{Probe: probe, OnStep: func(e webservice.RotationEvent) {
				if e.Done {
					fmt.Fprintf(s.env.Err, "rotate keys of %s: %s\n", svc.Common().Name, e.Step)
				}
			}})
			return result{}, err
		})
}

func setupRun(f *flags) action {
	return withInput(f, `the request: text, "@FILE", or "-" for standard input (required)`,
		func(ctx context.Context, _ *session, svc webservice.Webservice, body []byte) (result, error) {
			answer, err := svc.Run(ctx, body)
			if err != nil {
				return result{}, err
			}
			return result{text: string(answer), verbatim: true}, nil
		})
}

// withInput is withService for commands that take data, described by about. It is read
// before anything else is done: what comes through a pipe may come from another azml.
func withInput(f *flags, about string, act func(context.Context, *session, webservice.Webservice, []byte) (result, error)) action {
	data := f.text("d input-data", about)
	var body []byte
	do := withService(func(ctx context.Context, s *session, svc webservice.Webservice) (result, error) {
		return act(ctx, s, svc, body)
	})(f)
	return func(ctx context.Context, s *session) (_ result, err error) {
		if body, err = input(s, *data); err != nil {
			return result{}, err
		}
		return do(ctx, s)
	}
}

// input is the data that a flag leads to.
func input(s *session, data string) ([]byte, error) {
	switch {
	case data == "-":
		return io.ReadAll(s.env.In)
	case strings.HasPrefix(data, "@"):
		return os.ReadFile(data[1:])
	}
	return []byte(data), nil
}

// get reads a web service.
func get(ctx context.Context, s *session, name string) (*workspace.Workspace, webservice.Webservice, error) {
	ws, err := s.workspace(ctx)
	if err != nil {
		return nil, nil, err
	}
	svc, err := webservice.Get(ctx, ws, name)
	return ws, svc, err
}
