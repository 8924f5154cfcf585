package azuremltest

import (
	"encoding/pem"
	"regexp"
	"slices"
	"strings"
)

const (
	// maxVersions is how many versions an endpoint may have.
	maxVersions = 6
	// maxScoringTimeout is the longest scoring timeout, in milliseconds.
	maxScoringTimeout = 300000
)

var (
	serviceName   = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	namespaceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	// noCodeFrameworks are those for which the service has a program itself.
	noCodeFrameworks = []string{"Onnx", "ScikitLearn", "TensorFlow", "Multi"}
)

// checkName wants 3 to 32 lower-case letters, digits and dashes.
func (k *checks) checkName(what, name string) {
	if len(name) < 3 || len(name) > 32 || !serviceName.MatchString(name) {
		k.add("InvalidServiceName", "The %s name '%s' is invalid. It must match %s and have 3 to 32 characters.", what, name, serviceName)
	}
}

// checkService finds what is wrong with a service, its defaults filled in.
func (d *dataPlane) checkService(s *serviceSpec) (bad checks) {
	bad.checkName("service", s.Name)
	switch s.ComputeType {
	case typeAKS:
		d.checkCompute(s, &bad)
		d.checkContainer(s, &bad)
		bad.checkAuth(s)
	case typeEndpoint:
		d.checkCompute(s, &bad)
		d.checkEndpoint(s, &bad)
		bad.checkAuth(s)
	case typeACI:
		d.checkACI(s, &bad)
	case "":
		bad.add("ComputeTypeRequired", "The ComputeType field is required.")
	default:
		bad.add("ComputeTypeNotSupported", "Services of compute type '%s' cannot be created.", s.ComputeType)
	}
	return bad
}

// checkCompute wants an AKS compute that is ready.
func (d *dataPlane) checkCompute(s *serviceSpec, bad *checks) {
	name := orEmpty(s.ComputeName)
	if name == "" {
		bad.add("ComputeNameRequired", "The ComputeName field is required.")
		return
	}
	switch k := d.ws.compute(name); {
	case k == nil:
		bad.add("ComputeNotFound", "Compute with name %s not found", name)
	case k.kind != kindAKS:
		bad.add("ComputeTypeMismatch", "Compute with name %s is of type %s, not of type AKS.", name, k.kind)
	case !k.ready():
		bad.add("ComputeResourceNotCreated", "Compute resource with Id: %s is not in Succeeded state. Compute provisioning state: %s", name, k.state)
	}
}

// checkAuth wants at most one way of authentication.
func (k *checks) checkAuth(s *serviceSpec) {
	if *s.KeyAuth && *s.TokenAuth {
		k.add("InvalidAuthSettings", "Key authentication (authEnabled) and token authentication (aadAuthEnabled) cannot both be enabled.")
	}
}

// checkContainer checks what AKS services and versions have in common.
func (d *dataPlane) checkContainer(s *serviceSpec, bad *checks) {
	d.checkImage(s, bad)
	bad.checkResources(s.Resources)
	bad.checkScaling(s)
	bad.positiveInt("maxConcurrentRequestsPerContainer", s.MaxConcurrent)
	bad.positiveInt("maxQueueWaitMs", s.MaxQueueWaitMs)
	bad.positiveInt("scoringTimeoutMs", s.ScoringTimeoutMs)
	const in = "livenessProbeRequirements."
	bad.positiveInt(in+"initialDelaySeconds", s.Probe.InitialDelay)
	bad.positiveInt(in+"periodSeconds", s.Probe.Period)
	bad.positiveInt(in+"timeoutSeconds", s.Probe.Timeout)
	bad.positiveInt(in+"successThreshold", s.Probe.Success)
	bad.positiveInt(in+"failureThreshold", s.Probe.Failure)
	if *s.ScoringTimeoutMs > maxScoringTimeout {
		bad.add("InvalidValue", "scoringTimeoutMs must not be greater than %d, it is %d.", maxScoringTimeout, *s.ScoringTimeoutMs)
	}
	if !namespaceName.MatchString(*s.Namespace) {
		bad.add("InvalidNamespace", "The namespace '%s' is invalid. It must match %s.", *s.Namespace, namespaceName)
	}
}

// checkResources wants positive requests, and limits that are not below them.
func (k *checks) checkResources(r *resources) {
	const in = "containerResourceRequirements."
	k.positive(in+"cpu", r.CPU)
	k.positive(in+"cpuLimit", r.CPULimit)
	k.positive(in+"memoryInGB", r.Memory)
	k.positive(in+"memoryInGBLimit", r.MemoryLimit)
	k.notNegative(in+"gpu", r.GPU)
	if r.CPULimit != nil && *r.CPULimit < *r.CPU {
		k.add("InvalidValue", "%scpuLimit (%v) must not be less than cpu (%v).", in, *r.CPULimit, *r.CPU)
	}
	if r.MemoryLimit != nil && *r.MemoryLimit < *r.Memory {
		k.add("InvalidValue", "%smemoryInGBLimit (%v) must not be less than memoryInGB (%v).", in, *r.MemoryLimit, *r.Memory)
	}
}

// checkScaling wants either a number of replicas or an autoscaler that makes sense.
func (k *checks) checkScaling(s *serviceSpec) {
	a := s.AutoScaler
	k.positiveInt("numReplicas", s.NumReplicas)
	k.positiveInt("autoScaler.minReplicas", a.Min)
	k.positiveInt("autoScaler.maxReplicas", a.Max)
	k.positiveInt("autoScaler.targetUtilization", a.Target)
	k.positiveInt("autoScaler.refreshPeriodInSeconds", a.Refresh)
	if *a.Min > *a.Max {
		k.add("InvalidAutoScaler", "autoScaler.minReplicas (%d) must not be greater than maxReplicas (%d).", *a.Min, *a.Max)
	}
	switch {
	case *a.Enabled && s.NumReplicas != nil:
		k.add("InvalidAutoScaler", "numReplicas cannot be set while autoscaling is enabled.")
	case !*a.Enabled && s.NumReplicas == nil:
		k.add("InvalidAutoScaler", "numReplicas is required while autoscaling is disabled.")
	}
}

// checkImage wants a program with all of its files, or one model that needs none.
func (d *dataPlane) checkImage(s *serviceSpec, bad *checks) {
	r := s.Image
	if r == nil {
		if s.ImageID == nil {
			bad.add("ImageRequired", "Either EnvironmentImageRequest or ImageId must be specified.")
		} else {
			bad.add("ImageNotFound", "Image with id %s not found", *s.ImageID)
		}
		return
	}
	for _, id := range r.ModelIDs {
		if d.models[id] == nil {
			bad.add("ModelNotFound", "There is no model with id %s", id)
		}
	}
	if !r.withCode() {
		d.checkNoCode(r, bad)
		return
	}
	ids := map[string]bool{}
	for _, a := range r.Assets {
		d.checkImageAsset(a, bad)
		if ids[a.ID] {
			bad.add("DuplicateAsset", "There are several assets with id '%s'.", a.ID)
		}
		ids[a.ID] = true
	}
	if !ids[r.DriverProgram] {
		bad.add("DriverProgramNotFound", "The driver program '%s' is none of the assets.", r.DriverProgram)
	}
	d.checkImageEnvironment(r, bad)
}

func (d *dataPlane) checkNoCode(r *imageRequest, bad *checks) {
	if len(r.ModelIDs) != 1 {
		bad.add("NoCodeDeploymentNotSupported", "A deployment without a driver program needs exactly one model; there are %d.", len(r.ModelIDs))
		return
	}
	if m := d.models[r.ModelIDs[0]]; m != nil && !slices.Contains(noCodeFrameworks, orEmpty(m.body.Framework)) {
		bad.add("NoCodeDeploymentNotSupported", "Model %s of framework %s cannot be deployed without a driver program; the frameworks %s can.",
			m.body.ID, orEmpty(m.body.Framework), strings.Join(noCodeFrameworks, ", "))
	}
}

// checkImageAsset wants the file of an asset to be there.
func (d *dataPlane) checkImageAsset(a imageAsset, bad *checks) {
	if a.ID == "" || a.URL == "" || a.MimeType == "" {
		bad.add("InvalidAsset", "An asset must have id, url and mimeType.")
		return
	}
	switch id, ok := strings.CutPrefix(a.URL, artifactScheme); {
	case !ok && !strings.HasPrefix(a.URL, "http") && !strings.HasPrefix(a.URL, "wasb"):
		bad.add("InvalidAsset", "The url '%s' of asset %s is invalid: aml://artifact/{id} is expected.", a.URL, a.ID)
	case !ok:
	case d.artifacts[id] == nil:
		bad.add("ArtifactNotFound", "Artifact %s of asset %s does not exist.", id, a.ID)
	case d.uploaded(id) == nil:
		bad.add("ArtifactNotUploaded", "Artifact %s of asset %s has no content: nothing has been uploaded.", id, a.ID)
	}
}

// checkImageEnvironment wants environments that are only named to be registered.
func (d *dataPlane) checkImageEnvironment(r *imageRequest, bad *checks) {
	ref := r.Reference
	if e := r.Environment; e != nil && isNull(e.Docker) && isNull(e.Python) {
		ref = &e.environmentRef
	}
	if ref != nil && d.environments[ref.Name].find(orEmpty(ref.Version)) == nil {
		bad.add("EnvironmentNotFound", "Environment %s version %s not found", ref.Name, orEmpty(orDefault(ref.Version, "None")))
	}
}

// checkEndpoint checks the versions, each by itself and all together.
func (d *dataPlane) checkEndpoint(s *serviceSpec, bad *checks) {
	if n := len(s.Versions); n == 0 || n > maxVersions {
		bad.add("InvalidVersionCount", "An endpoint must have between 1 and %d versions; there are %d.", maxVersions, n)
	}
	sum, defaults, controls := 0.0, 0, 0
	for _, name := range sortedKeys(s.Versions) {
		v := s.Versions[name]
		bad.checkName("version", name)
		if v.Name != name {
			bad.add("InvalidVersionName", "The version at '%s' is named '%s'.", name, v.Name)
		}
		if v.Traffic != nil {
			sum += *v.Traffic
			if !(*v.Traffic >= 0 && *v.Traffic <= 100) {
				bad.add("InvalidTrafficPercentile", "The trafficPercentile of version %s must be between 0 and 100, it is %v.", name, *v.Traffic)
			}
		}
		if v.IsDefault != nil && *v.IsDefault {
			defaults++
		}
		switch orEmpty(v.Type) {
		case typeControl:
			controls++
		case typeTreatment, "":
		default:
			bad.add("InvalidVersionType", "The type of version %s must be Control or Treatment, it is %s.", name, *v.Type)
		}
		d.checkContainer(v, bad)
	}
	if sum > 100+1e-9 { // sums of fractions are not exact
		bad.add("InvalidTrafficPercentile", "The sum of trafficPercentile of all versions of endpoint %s is %v; it must not exceed 100.", s.Name, sum)
	}
	if defaults != 1 && len(s.Versions) > 0 {
		bad.add("InvalidDefaultVersion", "Exactly one version of endpoint %s must be the default; there are %d.", s.Name, defaults)
	}
	if controls > 1 {
		bad.add("InvalidVersionType", "Only one version of endpoint %s can be of type Control; there are %d.", s.Name, controls)
	}
}

// checkACI checks a service on a container group of its own.
func (d *dataPlane) checkACI(s *serviceSpec, bad *checks) {
	d.checkImage(s, bad)
	bad.positive("containerResourceRequirements.cpu", s.Resources.CPU)
	bad.positive("containerResourceRequirements.memoryInGB", s.Resources.Memory)
	if s.TokenAuth != nil && *s.TokenAuth {
		bad.add("TokenAuthNotSupported", "Token authentication is not supported for ACI.")
	}
	if *s.SSL {
		bad.checkPEM("sslCertificate", orEmpty(s.Certificate))
		bad.checkPEM("sslKey", orEmpty(s.Key))
		if orEmpty(s.CName) == "" {
			bad.add("InvalidSslSettings", "cname is required if sslEnabled is true.")
		}
	}
	if e := s.Encryption; e != nil && (e.Vault == "" || e.Key == "" || e.Version == "") {
		bad.add("InvalidEncryptionProperties", "vaultBaseUrl, keyName and keyVersion must be given together.")
	}
	if v := s.VNet; v != nil && (v.Name == "" || v.Subnet == "") {
		bad.add("InvalidVnetConfiguration", "vnetName and subnetName must be given together.")
	}
	if label := orEmpty(s.DNSLabel); label != "" && d.ws.srv.labelTaken(label, *s.Location, d.services[s.Name]) {
		bad.add("DnsNameLabelNotAvailable", "The DNS name label '%s' is not available in region '%s'.", label, *s.Location)
	}
}

func (k *checks) checkPEM(name, text string) {
	if block, _ := pem.Decode([]byte(text)); block == nil {
		k.add("InvalidSslSettings", "%s must be PEM text if sslEnabled is true.", name)
	}
}

// labelTaken reports whether another container group of the region has the name.
func (s *Server) labelTaken(label, region string, self *service) bool {
	for _, ws := range s.world.workspaces {
		for _, other := range ws.data.services {
			if other != self && other.spec.ComputeType == typeACI && orEmpty(other.spec.DNSLabel) == label && equalFold(*other.spec.Location, region) {
				return true
			}
		}
	}
	return false
}
