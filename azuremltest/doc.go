// Package azuremltest is an Azure in one process: a server that behaves like
// the services which machine-learning programs talk to, for tests, examples
// and work without a network. It is to Azure what net/http/httptest is to a
// web server.
//
//	srv := azuremltest.NewServer(nil)
//	defer srv.Close()
//	cred, err := azidentity.NewClientSecretCredential(azuremltest.TenantID, azuremltest.ClientID, azuremltest.ClientSecret,
//		&azidentity.ClientSecretCredentialOptions{ClientOptions: srv.ClientOptions()})
//
// From there on a program runs as it would against Azure, with the real URLs:
// the server answers under the host names of the public cloud. Starting one takes less
// than 5 ms, so that every test can have its own.
//
// # Reaching it
//
// Go programs take [Server.Client], or [Server.ClientOptions] where they use
// the Azure SDK, and nothing else changes. [Server.Credential] is a credential
// for programs whose log-in is not what is tested.
//
// # Programs in other languages
//
// Any program, in any language, is pointed at the server without being changed:
// the server is its HTTP proxy, and the server's own certificate authority the
// one to trust. In a shell where URL is [Server.ProxyURL]:
//
//	curl --silent --show-error --output ca.pem $URL/ca.pem
//	export HTTPS_PROXY=$URL HTTP_PROXY=$URL http_proxy=$URL
//	export SSL_CERT_FILE=$PWD/ca.pem REQUESTS_CA_BUNDLE=$PWD/ca.pem
//	curl https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token \
//	  --data grant_type=client_credentials --data client_id=33333333-3333-3333-3333-333333333333 \
//	  --data-urlencode 'client_secret=emulated~secret&with=odd+characters' \
//	  --data-urlencode 'scope=https://management.azure.com/.default'
//
// The file is also [Server.CACertificate]. SSL_CERT_FILE is what curl takes, and
// what programs in Go take except on Windows and macOS; REQUESTS_CA_BUNDLE is
// what Python's requests takes, and with it Microsoft's Python client
// azureml-core, which is run against the server regularly. curl wants http_proxy
// in lower case. Other programs have settings of their own for these two things,
// a proxy and a certificate authority.
//
// One port is everything: it tells TLS from plain HTTP by the first byte.
// Nothing is ever forwarded to a real host; names that are not emulated are
// answered with 502.
//
// # In memory
//
// With [Options].InMemory there is no socket, and server and client can live in
// a bubble of [testing/synctest], where back-offs, the lives of tokens and hour-long
// waits take no time.
//
// # The world
//
// A new server holds what the constants name, or what [Options].StateFile has kept: a tenant with a service
// principal, a subscription, a workspace, and an AKS cluster that can be
// attached. More is added by AddTenant, AddServicePrincipal, AddUser,
// AddSubscription, AddWorkspace, AddCluster, AddCompute, AddModel and AddService,
// and by the requests themselves: what is created stays, what is deleted is gone. All state is in
// memory, and any number of servers can run side by side. [Server.SaveState] and
// [Server.LoadState] take it elsewhere. Ids are the same in
// every run of a program that makes the same calls in the same order.
//
// Emulated are:
//
//   - Entra ID: instance discovery, the tenants' openid-configuration, and the
//     token endpoints v1 and v2 for client credentials (a secret; of an assertion
//     only that there is one), refresh tokens, and the codes of log-ins in a
//     browser and with a device code, with the pages of both, with Entra ID's
//     errors. Tokens are JWTs that expire.
//   - Managed identities: the metadata endpoint of a virtual machine, and the
//     endpoint of an App Service at [Server.IdentityEndpoint].
//   - The resource manager: tenants, subscriptions, resource groups, generic
//     resources, workspaces, computes of the types AKS and Kubernetes with all
//     that is done to them, their operations, AKS clusters, sizes of machines
//     and quotas. Workspaces are made (also by the template deployments that
//     clients send for it), changed and deleted; the resources that they use
//     exist, and nothing more. Roles on workspaces are given, listed and taken
//     away.
//   - Microsoft Graph: looking up users, groups and service principals.
//   - A workspace's own services: discovery, reading computes, models, assets
//     and artifacts, environments with versions and labels, and blob storage
//     (Put Blob, Put Block, Put Block List, Get Block List, reading whole or in
//     ranges, conditions) behind the signatures that are handed out.
//   - Packages of models (images and build contexts), profiles, of which the numbers
//     are always the same, and builds of environments' images, with their logs.
//   - Web services of the types AKS, AKS endpoint and ACI: pre-checks, creating,
//     overwriting, patching, deleting and migrating them, the versions of
//     endpoints, their operations with build logs, keys, tokens and logs.
//   - The web services themselves, which answer scoring requests at the
//     addresses of their clusters and container groups.
//
// The server checks what the real services check, as far as that is known: the
// token (issuer, audience, tenant, expiry), the api-version, content types,
// members that must be there, names, limits. It refuses with the status, the
// code and, where it is documented or was seen, the text of the real service.
//
// Not emulated, because a deployment does not need them or because nobody can
// tell from outside how they behave:
//
//   - passwords, multi-factor log-in and consent: whoever is chosen on the page is
//     logged in;
//   - what roles and policies allow: whoever has a token of the tenant may do
//     everything, but who is a Reader of a workspace and nothing more may only read;
//   - deleting resource groups, making and deleting subscriptions;
//   - computes of other types, other than reading what AddCompute has put there;
//   - the containers: no image is built and no package is installed; a web service
//     says what its [Scorer] says, or its entry script where [Options].RunScripts
//     asks for that;
//   - images of the older kind, and the export of services;
//   - clouds other than the public one, and regions: a region is only a name;
//   - anything about load: throttling happens when a [Fault] says so.
//
// Requests to a host that is emulated for which there is nothing are answered
// with 404 and a text that begins with "azuremltest does not emulate".
//
// # Time
//
// Long-running operations do not take time but looks: [Options].OperationPolls
// says how many polls are answered with "not yet". Retry-After is in the
// answers, in milliseconds, so that pollers of the Azure SDK do not sleep.
//
// A compute becomes Creating, and then Succeeded, Failed or Canceled; an update
// makes it Updating in between; a deletion makes it Deleting until it is gone.
// The polls of the operation count, and so do reads of the compute itself. To
// attach a cluster a second time in one workspace damages the first attachment:
// it goes to Failed, with an error that names the second, and what was deployed
// to it becomes unhealthy.
//
// A web service is Transitioning, and then Healthy, Failed, or Unschedulable if
// the cluster has no room for it. A deployment that times out leaves it
// Unhealthy; the third read finds it Healthy after all. What has been deployed
// answers while an update is under way, and after one that has failed. Tags,
// properties and descriptions are changed at once, all else by an operation. A
// deletion is an operation, too, but for container groups.
//
// # Scoring
//
// [Server.SetScorer] and [Server.SetVersionScorer] say what web services answer;
// one without a [Scorer] sends back what it was sent. Of an endpoint's versions
// the one that has fallen furthest behind its share of the traffic is next, so
// that after n requests every version has had its share of n, give or take
// one. There is no limit to how many requests are answered at once.
//
// # Scripts
//
// With [Options].RunScripts the programs that web services are deployed with are
// run by a Python interpreter: one process for each service, or version of an
// endpoint, answering one request at a time. It finds the files of the image in its
// working directory, the models below AZUREML_MODEL_DIR as in a real container, the
// variables of the environment, PATH, and nothing else of this process. No packages
// are installed: an import of what the interpreter has not got fails. What the program
// prints is the log of the service. The deployment ends when init has; a program that
// crashes there, or takes more than a minute, makes it fail with CrashLoopBackOff. An
// exception in run is answered with 500 and x-ms-run-function-failed, a process that
// dies with 502, one that takes longer than the service's scoringTimeoutMs with 504,
// after which it is started anew. Processes end with their service or the server.
// A [Scorer] goes before the script. Scripts need real time and real processes: they do
// not go with testing/synctest, nor are they shut in.
//
// # State
//
// [Options].StateFile keeps all that exists from one run to the next;
// [Server.SaveState] and [Server.LoadState] do the same with any stream, for instance
// to give every test a copy of the same world. Keys of web services stay valid; tokens
// and certificates are those of one run.
//
// # Looking in
//
// [Server.Workspaces], [Server.Computes], [Server.Models], [Server.Services],
// [Server.Operations], [Server.Blobs] and [Server.Requests] show what there is, as
// copies, without counting as a look. [Options].Log tells of each request, and
// [Options].Home answers a browser at the server's own address. The command
// examples/emulator makes a program of all this.
//
// # Limits
//
// A request's body may have 64 MiB, an uploaded file or block 5000 MiB, all in memory;
// the last 10,000 requests are remembered. One call makes up to 50 artifacts, a page
// of a list has [Options].PageSize items, an endpoint up to six versions, and a cluster
// only as many containers as its nodes have cores and memory for.
//
// # When things go wrong
//
// [Server.Fault] makes chosen requests fail: with a status, by a broken
// connection before or after the request has taken effect, by a body that is
// cut off, or late, or half of it late; with what was there before the last write;
// as if the token had expired, the keys had been rotated, or the clock were wrong;
// or by how the operation ends that they begin. [ParseFaults] and [LoadFaults] read
// plans of such faults. [Server.FailNextOperation] makes an operation end badly, or
// never. [Server.Token] makes tokens that have expired or are for somebody
// else; [Server.SetServiceKeys] changes the keys of a web service unannounced.
// [Server.Requests] returns what the server was asked, with the tokens
// taken out.
package azuremltest
