// Package chaos runs the library against the emulator while a fifth of its requests go
// wrong, and looks afterwards at the emulator, not at the library, for what must hold.
// It is for tests only.
//
// There are two jobs. The main one signs in, opens a workspace, creates a cluster and
// attaches another, registers a file and a folder, deploys with keys and with tokens,
// scores, reads, regenerates and rotates keys, reads logs, updates, tags, lists, deletes
// and detaches. The other is the life of an endpoint: versions are created, get their
// shares of the traffic, become the default, are updated and deleted.
//
// A seed chooses which requests go wrong, and how, in all ways that the emulator knows:
// throttling, failures, pages of gateways, connections that break before or after the
// effect, answers that break off or are slow, reads from before a change, tokens that end,
// keys that somebody else changes, wrong clocks, and operations that fail, time out or
// never end. The choice hangs on the request and on how often it was made, not on the order
// of goroutines. Time is that of testing/synctest.
//
// What must hold:
//
//   - every call ends before its deadline, in success or in an error with a kind;
//   - nothing takes effect twice in one call, and nothing exists twice;
//   - what was reported to be there is there, what was reported to be gone is gone, and
//     what was reported to be in effect is;
//   - what failed succeeds when it is tried again without faults: the same call, or what
//     the documentation says to do;
//   - a creation whose answer is lost is recognised when nothing goes wrong after it;
//   - nothing is sent again before the time that Retry-After asks for;
//   - no goroutine, file, connection or body of an answer is left;
//   - no key, token, signature or client secret is in an error, in Explain, in a warning,
//     in progress, in a resume token or in azcore's log.
//
// Run a few seeds, 200 as CI does, or 10,000 runs (5,000 seeds of each job):
//
//	go test ./internal/chaos
//	AZUREML_HEAVY=1 go test -run Heavy -v ./internal/chaos
//	go test ./internal/chaos -run TestChaos -seeds 5000 -timeout 2h -v
//
// A finding comes with the command that shows it alone; -requests adds all requests to it.
// RESULT.md is what the last long run printed.
//
// The soak scores one service a million times over real connections while its keys are
// rotated again and again; no call may fail, and nothing may pile up:
//
//	AZUREML_HEAVY=1 go test ./internal/chaos -run TestSoakHeavy -calls 1000000 -timeout 1h -v
package chaos
