package azuremltest

import (
	"net/http"
	"net/url"
)

// hostKind is one of the services that Azure offers under a host name of its own.
type hostKind int

const (
	hostForeign   hostKind = iota // not emulated; refused
	hostAuthority                 // login.microsoftonline.com
	hostARM                       // management.azure.com
	hostAPI                       // {region}.api.azureml.ms and {workspace id}.workspace.{region}.api.azureml.ms
	hostMMS                       // {region}.modelmanagement.azureml.net; its paths are answered on hostAPI, too
	hostBlob                      // {account}.blob.core.windows.net
	hostGraph                     // graph.microsoft.com
	hostScoring                   // IP addresses and names of clusters and container groups
	hostIMDS                      // 169.254.169.254
	hostSelf                      // the emulator's own address
	hostKinds                     // how many there are
)

// authKind says what is checked before a route's handler runs.
type authKind int

const (
	// The zero authKind lets everybody in.
	_ authKind = iota
	// authARM wants a bearer token for the resource manager that has not
	// expired and belongs to the tenant of the subscription in the path.
	authARM
	// authSelf leaves the check to the handler (SAS signatures, service keys).
	authSelf
)

// A route is one kind of request that the emulator answers.
type route struct {
	host   hostKind
	method string // GET matches HEAD, too; empty matches all
	// pattern is written as for [http.ServeMux], without method and host.
	// Its literal segments match whatever the case of the request's.
	pattern string
	auth    authKind
	// versions are the api-versions that the resource manager takes; nil where
	// there is no such parameter.
	versions []string
	// creates says that the workspace in the path need not exist.
	creates bool
	// unlocked runs the handler without the server's lock and writes straight
	// to the connection. Other handlers' answers are buffered, so a slow
	// reader never holds the lock.
	unlocked bool
	// stream leaves the body unread in c.r.Body; c.body is nil.
	stream bool
	handle func(*call)
}

// call is one request on its way through the emulator. Its handler runs with
// srv.mu held unless the route is unlocked.
type call struct {
	srv   *Server
	w     http.ResponseWriter
	r     *http.Request
	kind  hostKind // the host that the request was sent to
	body  []byte   // whole, unless the route streams
	ws    *workspace
	tok   *tokenClaims // of a route with authARM
	route *route
	wild  map[string]string
	fault *Fault // that has hit the request, nil for none
}

// path returns the unescaped value of a wildcard of the route's pattern.
func (c *call) path(name string) string { return c.wild[name] }

// query returns the first value of a query parameter whose name is compared
// ignoring case, as the real services do.
func (c *call) query(name string) string {
	v, _ := queryValue(c.r.URL.Query(), name)
	return v
}

// host returns the name that the request was sent to, lower case and without
// port.
func (c *call) host() string { return hostname(c.r.Host) }

// queryValue looks up a query parameter ignoring the case of its name.
func queryValue(q url.Values, name string) (value string, ok bool) {
	if v, ok := q[name]; ok && len(v) > 0 {
		return v[0], true
	}
	for k, v := range q {
		if len(v) > 0 && equalFold(k, name) {
			return v[0], true
		}
	}
	return "", false
}
