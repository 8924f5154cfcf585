// Package webservice is about what answers: web services on AKS and ACI, their keys and
// tokens, their logs, and calling them.
//
// # Deploying
//
// [AksDeployConfiguration] and [AciDeployConfiguration] say how a service runs;
// model.BeginDeploy takes one of them together with models and code, and gives an
// *[AksWebservice] or *[AciWebservice] when it is done. On AKS callers are asked for a
// key unless the configuration says otherwise, on ACI they are not.
// [LoadDeployConfiguration] reads a configuration from the file deploymentconfig.json of
// az ml model deploy.
//
// # Reading and changing
//
// [Get] reads a service of any kind, [GetAks], [GetAci] and [GetEndpoint] one whose kind
// is known, [List] all of them. What they give are pictures at that time: read-only,
// safe to share and to marshal. Refresh reads anew, BeginUpdate changes the service,
// AddTags and its like its tags, BeginDelete deletes it, [BeginWait] waits for what
// someone else began. A deployment that fails is one error with the stage, the service's
// codes, the end of the container's log and what to do: print azureml.Explain(err).
//
// # Calling
//
// [Service.Run] is for a call now and then. A program that makes many makes a [Scorer],
// with [Service.Scorer] from a service or with [NewScorer] from an address and a key; it
// is safe for concurrent use and takes care of keys that change and tokens that end.
// [Score] calls with Go values in place of JSON. An exception in the entry script is
// [ErrScript], one that takes too long [ErrScoringTimeout]. [Service.Swagger] reads what a
// script says of its input and output.
//
// Services on AKS are reached over plain http unless the cluster has TLS enabled: keys,
// tokens and data then cross the network in the clear. ScorerOptions.RequireTLS refuses
// such addresses.
//
// # Keys
//
// A service on AKS or ACI has two keys that both let in, so that one can be replaced while
// clients use the other. [Service.RotateKeys] does that with both: each new key is tried
// at the service before clients are handed it, and what broke off can be continued.
//
// # Endpoints
//
// An [AksEndpoint] is one address with up to six versions behind it. Each version has a
// percentage of its own; what the percentages leave of 100 goes to the default version on
// top of its own. One version is the control, all others are treatments.
// [AksEndpoint.Traffic] gives the shares that come of it, [AksEndpoint.SetTraffic] brings
// wanted shares about with the fewest changes:
//
//	versions                       BeginUpdateVersion       Traffic
//	a 20 (default), b 10                                    a 90, b 10
//	                               b: 40, default           a 20, b 80
//
// [AksEndpointDeployConfiguration] deploys an endpoint with its first version, which is
// the default and the control; BeginCreateVersion, BeginUpdateVersion and
// BeginDeleteVersion change versions, BeginUpdate the endpoint. All of them read the
// endpoint first, wait for a transition in progress, as long as ctx lasts, and refuse what
// would leave it without its one default and its one control, with more than six versions,
// or with more than 100 %. The service has no conditions: two programs that change an
// endpoint at the same moment can still undo each other; see SetTrafficOptions.IfTags.
// With SkipPrecheck a change is one read and one request.
//
// Versions are [AksWebservice] values that belong to their endpoint: keys, tokens and
// logs that are asked of one are the endpoint's, and it cannot be refreshed, changed or
// deleted by itself.
//
// Two facts that a deployment does not show: clusters with a router of the newer kind
// (azureml-fe v2) do not route requests to endpoints, which is a warning at each
// deployment; and versions of the same name in two endpoints on one cluster overwrite each
// other, which is refused as far as the workspace's own endpoints tell.
//
// # Rollouts
//
// [Rollout] moves the requests of an endpoint from its default version to another one in
// steps, 5, 25, 50 and 100 % unless told otherwise, and watches each step for a while. A
// [Judge] decides: [StateJudge] by what the service says of itself, [ProbeJudge] by
// requests of its own, [MetricJudge] by numbers from elsewhere, [AllJudges] by all of
// them, or any function. A bad verdict puts the traffic back as it was before, to the
// percentile; a version that had none has 0 then, which is the same to the service. In
// the end the new version is the default, and the old one is kept or deleted.
//
// The first patch marks the endpoint with the rollout's id, a tag named by [RolloutTag].
// Of two rollouts one wins, the other one gets azureml.ErrConflict. With
// RolloutOptions.Save a rollout outlives its program: [ResumeRollout] goes on from the
// state that was saved last, a small JSON document without secrets.
//
// A [Splitter] does in the calling program what an endpoint does on the cluster, between
// plain services: for clusters whose router does not know endpoints. Rollouts work on it
// in the same way, and [TrafficJudge] sees its calls.
//
// # Names in azureml.core
//
//	AksWebservice.deploy_configuration(…)   AksDeployConfiguration{…}
//	AciWebservice.deploy_configuration(…)   AciDeployConfiguration{…}
//	AksEndpoint.deploy_configuration(…)     AksEndpointDeployConfiguration{…}
//	az ml model deploy -dc FILE             LoadDeployConfiguration
//	Webservice(ws, name)                    Get, GetAks, GetAci, GetEndpoint
//	Webservice.list(ws, …)                  List
//	service.update_deployment_state()       Refresh
//	service.wait_for_deployment()           azureml.Wait, BeginWait
//	service.get_logs(num_lines, init)       Logs, FollowLogs
//	service.get_keys()                      Keys
//	service.regen_key(key, set_key)         RegenerateKey, SetKeys
//	(nothing like it)                       RotateKeys
//	service.get_token()                     Token
//	service.run(input)                      Run, Scorer, Score
//	service.swagger_uri                     SwaggerURI, Swagger
//	service.update(…)                       BeginUpdate
//	service.add_tags(…), remove_tags(…)     AddTags, RemoveTags
//	service.add_properties(…)               AddProperties
//	service.delete()                        BeginDelete
//	service.update(is_migration=True, …)    BeginMigrate
//	endpoint.create_version(name, …)        BeginCreateVersion
//	endpoint.update_version(name, …)        BeginUpdateVersion, SetTraffic
//	endpoint.delete_version(name)           BeginDeleteVersion
package webservice
