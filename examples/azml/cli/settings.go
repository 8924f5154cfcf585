package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/azureml-go/azureml/webservice"
)

// settings are the flags that say how a service runs; what is not given is nil. The names
// are those of azure-cli-ml.
type settings struct {
	cpu, memory, cpuLimit, memoryLimit **float64
	gpu, replicas                      **int

	autoscale                           **bool
	minReplicas, maxReplicas            **int
	autoscaleRefresh, autoscaleTarget   **int
	auth, tokens, insights, collect     **bool
	timeoutMS, concurrent, waitMS       **int
	period, delay, probeTimeout         **int
	successThreshold, failureThreshold  **int
	namespace, description              *string
	tags, properties                    *map[string]string
	givenNamespace, givenDescription    func() bool
	sslEnabled                          **bool
	sslCertificate, sslKey, sslHostName *string
}

// settingsFlags declares them all.
func settingsFlags(f *flags) settings {
	v := settings{sslEnabled: new(*bool), sslCertificate: new(string), sslKey: new(string), sslHostName: new(string)}
	v.cpu = f.number("cc cpu-cores", "CPU cores of a replica")
	v.memory = f.number("gb memory-gb", "memory of a replica in GB")
	v.cpuLimit = f.number("ccl cpu-cores-limit", "the most CPU cores a replica may use")
	v.memoryLimit = f.number("gbl memory-gb-limit", "the most memory a replica may use, in GB")
	v.gpu = f.whole("gc gpu-cores", "GPUs of a replica")
	v.replicas = f.whole("nr num-replicas", "number of replicas, where they do not follow the load")
	v.autoscale = f.boolean("as autoscale-enabled", "let the number of replicas follow the load")
	v.minReplicas = f.whole("mi autoscale-min-replicas", "fewest replicas")
	v.maxReplicas = f.whole("ma autoscale-max-replicas", "most replicas")
	v.autoscaleRefresh = f.whole("ar autoscale-refresh-seconds", "seconds between two looks at the load")
	v.autoscaleTarget = f.whole("at autoscale-target-utilization", "percent of busy replicas to aim at")
	v.auth = f.boolean("ae auth-enabled", "ask callers for a key")
	v.tokens = f.boolean("token-auth-enabled", "ask callers for a token (AKS)")
	v.insights = f.boolean("ai enable-app-insights", "send telemetry to Application Insights")
	v.collect = f.boolean("md collect-model-data", "keep what the script collects")
	v.timeoutMS = f.whole("tm scoring-timeout-ms", "milliseconds that a request may take")
	v.concurrent = f.whole("rm replica-max-concurrent-requests", "requests that a replica takes at once")
	v.waitMS = f.whole("mr max-request-wait-time", "milliseconds that a request waits for a replica")
	v.period = f.whole("ps period-seconds", "seconds between two probes of a replica")
	v.delay = f.whole("id initial-delay-seconds", "seconds before the first probe")
	v.probeTimeout = f.whole("ts timeout-seconds", "seconds that a probe may take")
	v.successThreshold = f.whole("st success-threshold", "probes that must succeed after a failure")
	v.failureThreshold = f.whole("ft failure-threshold", "probes that may fail in a row")
	v.namespace = f.text("namespace", "namespace in the cluster")
	v.description = f.text("description", "what it is")
	v.tags = f.pairs("tag add-tag", "a tag; may be repeated")
	v.properties = f.pairs("property add-property", "a property, which cannot be changed later; may be repeated")
	v.givenNamespace = func() bool { return f.given("namespace") }
	v.givenDescription = func() bool { return f.given("description") }
	return v
}

// sslSettings declares the flags of TLS on ACI.
func (v *settings) sslSettings(f *flags) {
	v.sslEnabled = f.boolean("se ssl-enabled", "serve over https (ACI)")
	v.sslCertificate = f.text("sp ssl-cert-pem-file", "PEM file of the certificate (ACI)")
	v.sslKey = f.text("sk ssl-key-pem-file", "PEM file of its key (ACI)")
	v.sslHostName = f.text("sc ssl-cname", "the host name it is for (ACI)")
}

// aksUpdate is the change of a service on AKS that the flags ask for, but for image and
// tags.
func (v *settings) aksUpdate() webservice.AksUpdate {
	return webservice.AksUpdate{
		CPUCores: *v.cpu, MemoryGB: *v.memory, CPUCoresLimit: *v.cpuLimit, MemoryGBLimit: *v.memoryLimit, GPUCores: *v.gpu,
		AutoscaleEnabled: *v.autoscale, AutoscaleMinReplicas: *v.minReplicas, AutoscaleMaxReplicas: *v.maxReplicas,
		AutoscaleRefresh: units(*v.autoscaleRefresh, time.Second), AutoscaleTargetUtilization: *v.autoscaleTarget, NumReplicas: *v.replicas,
		AuthEnabled: *v.auth, TokenAuthEnabled: *v.tokens, CollectModelData: *v.collect, EnableAppInsights: *v.insights,
		ScoringTimeout: units(*v.timeoutMS, time.Millisecond), MaxRequestWaitTime: units(*v.waitMS, time.Millisecond),
		ReplicaMaxConcurrentRequests: *v.concurrent,
		LivenessProbe: webservice.LivenessProbeUpdate{
			Period: units(*v.period, time.Second), InitialDelay: units(*v.delay, time.Second), Timeout: units(*v.probeTimeout, time.Second),
			SuccessThreshold: *v.successThreshold, FailureThreshold: *v.failureThreshold,
		},
		Namespace: given(v.namespace, v.givenNamespace), Description: given(v.description, v.givenDescription), Properties: *v.properties,
	}
}

// aciUpdate is the change of a service on ACI that the flags ask for; strange are the
// flags that ACI has no use for.
func (v *settings) aciUpdate(f *flags) (u webservice.AciUpdate, strange []string) {
	strange = f.others("n m f ic es sd cf e ev rt ae ai description tag remove-tag property se sp sk sc")
	u = webservice.AciUpdate{
		AuthEnabled: *v.auth, EnableAppInsights: *v.insights, Properties: *v.properties,
		Description: given(v.description, v.givenDescription), SSLEnabled: *v.sslEnabled,
	}
	if *v.sslCertificate != "" || *v.sslKey != "" || *v.sslHostName != "" {
		u.SSL = &webservice.AciSslConfiguration{CName: *v.sslHostName, CertPEMFile: *v.sslCertificate, KeyPEMFile: *v.sslKey}
	}
	return u, strange
}

// endpointUpdate is the change of an endpoint as a whole that the flags ask for; strange
// are those that are about its versions.
func (v *settings) endpointUpdate(f *flags) (u webservice.EndpointUpdate, strange []string) {
	strange = f.others("n ae token-auth-enabled ai description tag remove-tag property")
	return webservice.EndpointUpdate{
		AuthEnabled: *v.auth, TokenAuthEnabled: *v.tokens, EnableAppInsights: *v.insights,
		Properties: *v.properties, Description: given(v.description, v.givenDescription),
	}, strange
}

// others are the titles of the flags that were given and are neither those named (parted
// by blanks) nor flags of all commands.
func (f *flags) others(named string) (titles []string) {
	names := strings.Fields(named)
	for _, d := range f.list {
		if d.set && !isGlobal(d) && !slices.ContainsFunc(d.names, func(name string) bool { return slices.Contains(names, name) }) {
			titles = append(titles, d.title())
		}
	}
	return titles
}

// isGlobal tells whether a flag is one of all commands.
func isGlobal(d declared) bool {
	all := newFlags("")
	(&Globals{}).declare(all)
	for _, g := range all.list {
		if g.names[0] == d.names[0] {
			return true
		}
	}
	return false
}

// fileKeys are the flags that were given, by the keys of deploymentconfig.json.
func (v *settings) fileKeys() map[string]any {
	set := map[string]any{}
	const resources, scaler, probe = "containerResourceRequirements.", "autoScaler.", "livenessProbeRequirements."
	for key, n := range map[string]*float64{
		resources + "cpu": *v.cpu, resources + "memoryInGB": *v.memory,
		resources + "cpuLimit": *v.cpuLimit, resources + "memoryInGBLimit": *v.memoryLimit,
	} {
		put(set, key, n)
	}
	for key, n := range map[string]*int{
		"gpuCores": *v.gpu, "numReplicas": *v.replicas, scaler + "minReplicas": *v.minReplicas, scaler + "maxReplicas": *v.maxReplicas,
		scaler + "refreshPeriodInSeconds": *v.autoscaleRefresh, scaler + "targetUtilization": *v.autoscaleTarget,
		"scoringTimeoutMs": *v.timeoutMS, "maxConcurrentRequestsPerContainer": *v.concurrent, "maxQueueWaitMs": *v.waitMS,
		probe + "periodSeconds": *v.period, probe + "initialDelaySeconds": *v.delay, probe + "timeoutSeconds": *v.probeTimeout,
		probe + "successThreshold": *v.successThreshold, probe + "failureThreshold": *v.failureThreshold,
	} {
		put(set, key, n)
	}
	for key, b := range map[string]*bool{
		scaler + "autoscaleEnabled": *v.autoscale, "authEnabled": *v.auth, "tokenAuthEnabled": *v.tokens,
		"appInsightsEnabled": *v.insights, "dataCollection.storageEnabled": *v.collect, "sslEnabled": *v.sslEnabled,
	} {
		put(set, key, b)
	}
	for key, text := range map[string]string{
		"namespace": *v.namespace, "sslCertificate": *v.sslCertificate, "sslKey": *v.sslKey, "cname": *v.sslHostName,
	} {
		if text != "" {
			set[key] = text
		}
	}
	return set
}

func put[T any](set map[string]any, key string, value *T) {
	if value != nil {
		set[key] = *value
	}
}

func units(n *int, unit time.Duration) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * unit
	return &d
}

func given(text *string, set func() bool) *string {
	if set() {
		return text
	}
	return nil
}
