package azuremltest

// Paths of a service's document that a patch may change, by compute type.
// contract: webservice §5.3, §6.2–§6.4, §7.2
var (
	aboutRules = patchRules{
		"/kvTags": anyOf, "/kvTags/*": anyOf, "/description": anyOf, "/properties/*": addOnly,
	}
	containerRules = patchRules{
		"/environmentImageRequest": "add replace test",
		"/imageId":                 "add replace test",

		"/autoScaler/autoscaleEnabled":       "add replace test",
		"/autoScaler/minReplicas":            anyOf,
		"/autoScaler/maxReplicas":            anyOf,
		"/autoScaler/refreshPeriodInSeconds": anyOf,
		"/autoScaler/targetUtilization":      anyOf,
		"/numReplicas":                       anyOf,

		"/containerResourceRequirements/cpu":             "add replace test",
		"/containerResourceRequirements/cpuLimit":        anyOf,
		"/containerResourceRequirements/memoryInGB":      "add replace test",
		"/containerResourceRequirements/memoryInGBLimit": anyOf,
		"/containerResourceRequirements/gpu":             anyOf,

		"/livenessProbeRequirements/periodSeconds":       anyOf,
		"/livenessProbeRequirements/initialDelaySeconds": anyOf,
		"/livenessProbeRequirements/timeoutSeconds":      anyOf,
		"/livenessProbeRequirements/successThreshold":    anyOf,
		"/livenessProbeRequirements/failureThreshold":    anyOf,

		"/dataCollection/storageEnabled":     "add replace test",
		"/scoringTimeoutMs":                  anyOf,
		"/maxConcurrentRequestsPerContainer": anyOf,
		"/maxQueueWaitMs":                    anyOf,
	}
	authRules = patchRules{
		"/authEnabled": "add replace test", "/aadAuthEnabled": "add replace test", "/appInsightsEnabled": "add replace test",
	}
	aciRules = patchRules{
		"/environmentImageRequest": "add replace test", "/imageId": "add replace test",
		"/authEnabled": "add replace test", "/appInsightsEnabled": "add replace test",
		"/sslEnabled": "add replace test", "/sslCertificate": anyOf, "/sslKey": anyOf, "/cname": anyOf,
	}
	versionRules = patchRules{
		"/isDefault": "add replace test", "/type": "add replace test", "/trafficPercentile": anyOf,
	}
)

// rulesFor returns what a patch may change of a service.
func rulesFor(computeType string) patchRules {
	all := patchRules{}
	add := func(prefix string, rules ...patchRules) {
		for _, r := range rules {
			for path, ops := range r {
				all[prefix+path] = ops
			}
		}
	}
	add("", aboutRules)
	switch computeType {
	case typeACI:
		add("", aciRules)
	case typeEndpoint:
		add("", authRules)
		add("/versions/*", aboutRules, containerRules, versionRules)
		all["/versions/*"] = "add remove"
	default:
		add("", containerRules, authRules, patchRules{"/namespace": "add replace test"})
	}
	return all
}
