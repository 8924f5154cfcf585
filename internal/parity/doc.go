// Package parity replays recordings of azureml-core 1.51.0, called goldens, against this
// module: a scenario does with our packages what the golden's steps did with the
// reference, and a [Stage] answers our requests with the golden's answers. Then are
// compared: the requests that change something, their number, and the outcome. It is for
// tests only.
//
// # What is compared
//
// PUT, PATCH, DELETE, and POST to services, models, assets, packages, profiles,
// batch/metadata, regenerateKeys and migrate are changes. Our changes must be the
// golden's, in its order, with deep-equal JSON bodies (null and absent are different, 1
// and 1.0 are the same). Reads, pre-checks and scoring calls may be left out. In all we
// never send more requests than the golden, those for tokens aside. A request that the
// golden does not answer fails the scenario; so does a request with a bearer token where
// the reference sends none, or without one where it sends one. What we upload is what we
// then refer to.
//
// Where we differ on purpose, a rule of [Differences] changes the golden before it is
// compared. Requests beyond the golden's are declared by the scenario with an
// [Allowance].
//
// Goldens named fault_… show what the reference does when something breaks, which is not
// always right: of them only the distinct changes and the outcome are compared, and
// [Table] puts our requests and waits beside the reference's.
//
// # Adding a golden
//
//	go run ./internal/parity/trim -from DIR NAME...
//
// copies recordings without what neither comparing nor playing needs. AZUREML_GOLDEN_DIR
// names another folder to read goldens from, trimmed or not.
//
// # Adding a scenario
//
// Add a [Scenario] to the table of its area in the tests; it is then run as
// TestGolden/NAME:
//
//	{Name: "webservice_get_keys", Run: func(ctx context.Context, s *parity.Stage) (any, error) {
//		ws, err := workspace.Get(ctx, …, s.Credential(), &workspace.GetOptions{ClientOptions: s.ClientOptions(), …})
//		…
//		keys, err := svc.Keys(ctx)
//		return []string{keys.Primary.Reveal(), keys.Secondary.Reveal()}, err
//	}},
//
// The value is compared with the golden's result, the error with whether the golden has
// one; [Stage.Of] says of which kind it must be. Members of objects that the scenario does
// not give are not compared. Every golden has a scenario. Time is virtual
// (testing/synctest), so waits cost nothing.
//
// # Goldens that are not here
//
// Of the full set these have no scenario:
//
//   - workspace_get_by_name_only, workspace_get_ambiguous: the reference fails when
//     subscription or resource group is not given. We list the workspaces of all subscriptions, for
//     which the goldens have no answer.
//   - workspace_list_group_without_subscription: the reference fails, which is a mistake
//     of its own. We list the group in all subscriptions, again without an answer.
//   - fault_discovery_403: the reference fails; we go on with the hosts of the region,
//     which the golden does not have.
//   - fault_discovery_cached: about a file that the reference keeps between processes. We
//     keep none.
//   - fault_environment_503: the reference does not repeat the request. We do, and the
//     golden does not say what comes after the only failure.
//   - fault_subscriptions_429, fault_subscriptions_503_forever: about the check of the
//     subscription, which we do not make.
//
// Not compared within goldens that are here: the updates of compute_invalid_arguments (a
// compute would have to be read for them), agent_count=0 (not given at all in Go) and the
// deprecated AksCompute.attach (not in Go), the changes of enabled autoscaling in
// webservice_update_refused (allowed with us), during_get of
// auth_token_authentication (the reference asks twice, we keep the token), first of
// fault_token_503 (the reference waits 14 s, each time for the same answer that it keeps
// in memory, and fails; ours is repeated, and succeeds), and the call of a version in
// endpoint_get (the reference asks for keys of the version, which has none; we ask for the
// endpoint's).
package parity
