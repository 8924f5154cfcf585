package parity

func computeArgumentDifferences() []Difference {
	return []Difference{{
		ID:        "more-arguments-checked",
		Does:      "a domain that is overwritten without a label, an unknown load balancer and a subnet without its load balancer are refused",
		Scenarios: []string{"compute_invalid_arguments"},
		Reason:    "the reference takes them for creations, and the service refuses them minutes later",
		whole: func(s *Script) int {
			changed := 0
			s.inResult(func(r map[string]any) {
				for _, name := range []string{"overwrite without label", "load_balancer_type=Wrong (create)", "load_balancer_subnet without type (create)"} {
					if r[name] == "accepted" {
						r[name] = map[string]any{"error": map[string]any{}}
						changed++
					}
				}
			})
			return changed
		},
	}, {
		ID:        "waits-for-any-compute",
		Does:      "waiting for a compute that was merely read ends when its state is final",
		Scenarios: []string{"compute_wait_without_operation"},
		Reason:    "the reference refuses, although the compute's state tells all that is asked for",
		whole: func(s *Script) int {
			if s.Error == nil {
				return 0
			}
			s.Error, s.Result = nil, []byte(`{"provisioning_state":"Succeeded"}`)
			return 1
		},
	}}
}
