package azuremltest

import (
	"cmp"
	"maps"
)

// serviceBase is what all services show. contract: webservice §3.4–§3.6
type serviceBase struct {
	ID             string        `json:"id"`
	Name           string        `json:"name"`
	Description    *string       `json:"description"`
	Tags           tagMap        `json:"kvTags"`
	Properties     tagMap        `json:"properties"`
	OperationID    *string       `json:"operationId"`
	State          string        `json:"state"`
	Created        string        `json:"createdTime"`
	Updated        string        `json:"updatedTime"`
	Error          *mmsErrorBody `json:"error"`
	ComputeType    string        `json:"computeType"`
	DeploymentType string        `json:"deploymentType"`
	CreatedBy      *userBody     `json:"createdBy"`
	AppInsights    *bool         `json:"appInsightsEnabled"`
	KeyAuth        *bool         `json:"authEnabled"`
	ScoringURI     *string       `json:"scoringUri"`
	SwaggerURI     *string       `json:"swaggerUri"`
}

// containerBase is what services with a container of their own show.
type containerBase struct {
	ImageID        *string        `json:"imageId"`
	ImageDigest    *string        `json:"imageDigest"`
	Image          *imageRequest  `json:"environmentImageRequest"`
	Models         []serviceModel `json:"models"`
	ModelConfigMap map[string]any `json:"modelConfigMap"`
	Resources      resources      `json:"containerResourceRequirements"`
	DataCollection *collection    `json:"dataCollection"`
}

// serviceModel is a model inside of a service, where its tags have two names.
type serviceModel struct {
	modelBody
	Tags tagMap `json:"tags"`
}

// aksServiceBody is an AKS service, or a version of an endpoint.
type aksServiceBody struct {
	serviceBase
	containerBase
	TokenAuth        *bool         `json:"aadAuthEnabled"`
	ComputeName      *string       `json:"computeName"`
	Namespace        *string       `json:"namespace"`
	NumReplicas      *int          `json:"numReplicas"`
	AutoScaler       *autoScaler   `json:"autoScaler"`
	MaxConcurrent    *int          `json:"maxConcurrentRequestsPerContainer"`
	MaxQueueWaitMs   *int          `json:"maxQueueWaitMs"`
	ScoringTimeoutMs *int          `json:"scoringTimeoutMs"`
	Probe            *probe        `json:"livenessProbeRequirements"`
	Deployment       *replicasBody `json:"deploymentStatus"`
	IsDefault        bool          `json:"isDefault"`
	Traffic          *float64      `json:"trafficPercentile"`
	Type             string        `json:"type"`
}

type replicasBody struct {
	Desired   int           `json:"desiredReplicas"`
	Updated   int           `json:"updatedReplicas"`
	Available int           `json:"availableReplicas"`
	Error     *mmsErrorBody `json:"error"`
}

// endpointBody is an AKS endpoint.
type endpointBody struct {
	serviceBase
	TokenAuth   *bool                     `json:"aadAuthEnabled"`
	ComputeName *string                   `json:"computeName"`
	Namespace   *string                   `json:"namespace"`
	Versions    map[string]aksServiceBody `json:"versions"`
}

// aciServiceBody is a service in a container group.
type aciServiceBody struct {
	serviceBase
	containerBase
	Location    *string     `json:"location"`
	SSL         *bool       `json:"sslEnabled"`
	Certificate *string     `json:"sslCertificate"`
	Key         *string     `json:"sslKey"`
	CName       *string     `json:"cname"`
	DNSLabel    *string     `json:"dnsNameLabel"`
	PublicIP    *string     `json:"publicIp"`
	PublicFQDN  *string     `json:"publicFqdn"`
	VNet        *vnet       `json:"vnetConfiguration"`
	Encryption  *encryption `json:"encryptionProperties"`
}

// body is the service on the wire. Only with expand are its models described.
func (svc *service) body(expand bool) any {
	base := svc.base()
	switch svc.spec.ComputeType {
	case typeEndpoint:
		out := endpointBody{serviceBase: base, TokenAuth: svc.spec.TokenAuth, ComputeName: svc.spec.ComputeName,
			Namespace: svc.spec.Namespace, Versions: map[string]aksServiceBody{}}
		for name, v := range svc.spec.Versions {
			out.Versions[name] = svc.versionBody(v, expand)
		}
		return out
	case typeACI:
		s := svc.spec
		out := aciServiceBody{serviceBase: base, containerBase: svc.container(s, expand), Location: s.Location, SSL: s.SSL,
			Certificate: s.Certificate, Key: s.Key, CName: s.CName, DNSLabel: s.DNSLabel, VNet: s.VNet, Encryption: s.Encryption}
		if svc.live != nil {
			out.PublicIP, out.PublicFQDN = nullIfEmpty(svc.publicIP), nullIfEmpty(svc.fqdn)
		}
		return out
	}
	out := svc.aksBody(base, svc.spec, svc.state, expand)
	full := 100.0
	out.IsDefault, out.Traffic, out.Type = true, &full, typeControl
	return out
}

func (svc *service) base() serviceBase {
	s := svc.spec
	b := serviceBase{
		ID: s.Name, Name: s.Name, Description: s.Description, Tags: s.Tags, Properties: svc.properties(s),
		State: svc.state, Created: mmsTime(svc.created), Updated: mmsTime(svc.updated), Error: svc.problem,
		ComputeType: s.ComputeType, DeploymentType: cmp.Or(orEmpty(s.DeploymentType), "HttpRealtimeEndpoint"), CreatedBy: svc.createdBy,
		AppInsights: s.AppInsights, KeyAuth: s.KeyAuth,
		ScoringURI: svc.uri("", "score"), SwaggerURI: svc.uri("", "swagger.json"),
	}
	if svc.op != nil {
		b.OperationID = &svc.op.id
	}
	return b
}

// properties adds those that the service sets itself.
func (svc *service) properties(s *serviceSpec) tagMap {
	text := func(b bool) *string {
		if b {
			return new("True")
		}
		return new("False")
	}
	all := tagMap{"hasInferenceSchema": text(svc.schema), "hasHttps": text(svc.scheme == "https")}
	maps.Copy(all, s.Properties)
	return all
}

// versionBody is a version of an endpoint: an AKS service with a state of its own.
func (svc *service) versionBody(v *serviceSpec, expand bool) aksServiceBody {
	status := svc.versions[v.Name]
	base := svc.base()
	base.ID, base.Name, base.Description, base.Tags, base.Properties = v.Name, v.Name, v.Description, v.Tags, svc.properties(v)
	base.State, base.Error, base.CreatedBy = status.state, status.problem, status.createdBy
	base.Created, base.Updated = mmsTime(status.created), mmsTime(status.updated)
	base.ComputeType = typeAKS
	if base.ScoringURI != nil {
		base.ScoringURI, base.SwaggerURI = svc.uri(v.Name, "score"), svc.uri(v.Name, "swagger.json")
	}
	out := svc.aksBody(base, v, status.state, expand)
	out.IsDefault, out.Traffic, out.Type = *v.IsDefault, v.Traffic, *v.Type
	return out
}

func (svc *service) aksBody(base serviceBase, s *serviceSpec, state string, expand bool) aksServiceBody {
	out := aksServiceBody{serviceBase: base, containerBase: svc.container(s, expand), TokenAuth: s.TokenAuth,
		ComputeName: s.ComputeName, Namespace: s.Namespace, NumReplicas: s.NumReplicas, AutoScaler: s.AutoScaler,
		MaxConcurrent: s.MaxConcurrent, MaxQueueWaitMs: s.MaxQueueWaitMs, ScoringTimeoutMs: s.ScoringTimeoutMs, Probe: s.Probe}
	out.Resources.CPULimit = orDefault(out.Resources.CPULimit, *out.Resources.CPU)
	out.Resources.MemoryLimit = orDefault(out.Resources.MemoryLimit, *out.Resources.Memory)
	if state != stateTransitioning {
		n := s.replicas()
		out.Deployment = &replicasBody{Desired: n}
		if state == stateHealthy {
			out.Deployment.Updated, out.Deployment.Available = n, n
		} else {
			out.Deployment.Error = base.Error
		}
	}
	return out
}

func (svc *service) container(s *serviceSpec, expand bool) containerBase {
	b := containerBase{ImageID: s.ImageID, ImageDigest: s.digest(), Image: s.Image, Models: []serviceModel{},
		ModelConfigMap: map[string]any{}, Resources: *s.Resources, DataCollection: s.DataCollection}
	for _, id := range s.Image.ModelIDs {
		m := svc.ws.data.models[id] // it is there: models in use cannot be deleted
		b.ModelConfigMap[id] = map[string]any{"frameworkVersion": m.body.FrameworkVersion}
		if expand {
			b.Models = append(b.Models, serviceModel{m.body, m.body.Tags})
		}
	}
	return b
}
