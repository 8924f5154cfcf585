package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// newGraph makes a client of Microsoft Graph: a token of its own, for its own host only.
func (c *connection) newGraph() (*rest.Client, error) {
	if c.cloud.Graph == "" {
		return nil, &azureml.Error{
			Operation: "ask", Subject: "Microsoft Graph", Kind: azureml.ErrInvalid,
			Message: "the address of the directory of " + c.cloud.Name + " is not known",
			Remedy:  giveObjectID,
		}
	}
	return rest.New(rest.Config{
		Credential: c.credential, Cloud: c.cloud, Options: c.options,
		Scope: c.cloud.Graph + "/.default", Hosts: rest.NewHosts(c.cloud.Graph),
	}), nil
}

const giveObjectID = "Give the principal's object id, and ShareOptions.PrincipalType, which needs no look-up in the directory.\n" +
	"For a service principal: az ad sp show --id APPLICATION_ID --query id; for a user: az ad user show --id NAME --query id."

// wireDirectoryObject is a user, group or service principal of the directory.
type wireDirectoryObject struct {
	Type              string `json:"@odata.type"`
	ID                string `json:"id"`
	DisplayName       string `json:"displayName"`
	AppID             string `json:"appId"`
	UserPrincipalName string `json:"userPrincipalName"`
	Mail              string `json:"mail"`
}

// directory asks Microsoft Graph for principals.
type directory struct {
	client  *rest.Client
	base    string
	subject string
}

func (c *connection) directory(subject string) (*directory, error) {
	client, err := c.graph()
	if err != nil {
		return nil, err
	}
	return &directory{client: client, base: c.cloud.Graph + "/v1.0", subject: subject}, nil
}

// where lists the objects of a collection ("users") for which a filter holds.
func (d *directory) where(ctx context.Context, collection string, kind PrincipalType, filter string) ([]Principal, error) {
	r := d.request(http.MethodGet, "/"+collection+"?"+rest.Query(url.Values{"$filter": {filter}}))
	var found []Principal
	for o, err := range rest.List[wireDirectoryObject](ctx, d.client, r, followGraph) {
		if err != nil {
			return nil, explainGraph(err)
		}
		found = append(found, o.principal(kind))
	}
	return found, nil
}

// followGraph goes on with "@odata.nextLink", which [rest.Page] does not know: a filter
// that more than a page of objects fits says enough with the first one.
func followGraph(r rest.Request, _ rest.Page) (rest.Request, bool, error) { return r, false, nil }

// maxIDs is how many objects Microsoft Graph gives in one answer.
const maxIDs = 1000

// byID reads objects by their ids; those that do not exist are left out.
func (d *directory) byID(ctx context.Context, ids ...string) ([]Principal, error) {
	r := d.request(http.MethodPost, "/directoryObjects/getByIds")
	r.Class = rest.Wide // it only reads
	r.Body = map[string]any{"ids": ids, "types": []string{"user", "group", "servicePrincipal", "directoryObjectPartnerReference"}}
	var found []Principal
	for o, err := range rest.List[wireDirectoryObject](ctx, d.client, r, followGraph) {
		if err != nil {
			return nil, explainGraph(err)
		}
		found = append(found, o.principal(""))
	}
	return found, nil
}

func (d *directory) request(method, path string) rest.Request {
	return rest.Request{Operation: "look up in the directory", Subject: d.subject, Method: method, URL: d.base + path}
}

// explainGraph says of a refusal how to do without the directory.
func explainGraph(err error) error {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok || !errors.Is(err, azureml.ErrForbidden) && !errors.Is(err, azureml.ErrUnauthorized) {
		return err
	}
	copied := *e
	copied.Remedy = "The signed-in principal may not read the directory (Microsoft Graph). " + giveObjectID
	return &copied
}

// principal translates an object; kind is what it is where the answer does not say.
func (o wireDirectoryObject) principal(kind PrincipalType) Principal {
	p := Principal{ObjectID: o.ID, Type: kind, DisplayName: o.DisplayName, ApplicationID: o.AppID, UserName: o.UserPrincipalName, Mail: o.Mail}
	switch _, name, _ := strings.Cut(o.Type, "#microsoft.graph."); name {
	case "user":
		p.Type = PrincipalUser
	case "group":
		p.Type = PrincipalGroup
	case "servicePrincipal":
		p.Type = PrincipalServicePrincipal
	}
	return p
}

// quoted is a text inside of a filter.
func quoted(text string) string { return fmt.Sprintf("'%s'", strings.ReplaceAll(text, "'", "''")) }
