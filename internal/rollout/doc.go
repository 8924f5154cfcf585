// Package rollout moves traffic from one version to another in steps, looks after each
// whether that was wise, and takes it back if it was not. It knows no service: what the
// traffic is moved on is a [Target].
//
// A rollout is a state machine whose [State] is a small document:
//
//	Checking → Shifting → Baking → Shifting → … → Promoting → Deleting → Promoted
//	     └──────────┴─────────┴── RollingBack ───────┘                    (RolledBack)
//
// The state is saved before anything is changed, and every change is made by looking
// first: what is seen to be done is not done again. So a rollout that was cut off at any
// point goes on from its last state, and one that is run twice changes nothing twice.
//
// Two rollouts on one target tell each other apart by an owner's mark, which is set with
// the first change and looked at before each further one.
package rollout
