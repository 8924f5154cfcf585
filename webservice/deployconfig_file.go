package webservice

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/configfile"
	"github.com/azureml-go/azureml/model"
)

// LoadDeployConfigurationOptions are the optional parts of [LoadDeployConfiguration].
type LoadDeployConfigurationOptions struct {
	// ComputeTarget is the workspace's name of the cluster; where set, it stands in for
	// the file's computeTargetName. It is needed for AKS unless the file has it, and
	// always for an endpoint, whose file has no such key. ACI needs none: the option is
	// then an error, since the service would not run on that cluster.
	ComputeTarget string
	// Tags, Properties and Description are of the service. The file has no keys for them.
	Tags        map[string]string
	Properties  map[string]string
	Description string
	// Set stands in for what the file says, by the file's keys, with dots for keys
	// within keys: {"autoScaler.maxReplicas": 3}. nil takes a key away. Paths are
	// relative to the file's folder.
	Set map[string]any
	// OnWarning gets what is worth saying: keys that are ignored, a file with keys of
	// the service that everyone on this machine may read.
	OnWarning func(azureml.Warning)
}

// LoadDeployConfiguration reads the deployment configuration file of the az ml extension
// v1, deploymentconfig.json (or the same in YAML, in a file .yml or .yaml), for
// model.BeginDeploy. Its computeType chooses the kind of the service; the result's Typed
// gives the [AksDeployConfiguration], [AksEndpointDeployConfiguration] or
// [AciDeployConfiguration] itself. Its keys are described by
// examples/schemas/deploymentconfig.schema.json, with which editors complete and check it.
//
// All rules of the configuration are checked, besides the form of the file: unknown
// keys are refused, since a slip of the pen would else be a default. Paths of
// certificates are relative to the file's folder.
//
// An empty path reads no file; everything then comes from Set. Errors: ErrNotFound or
// ErrForbidden for a file that cannot be read, else ErrInvalid with everything that is
// wrong, with lines. It makes no request.
//
// It mirrors the option -dc of az ml model deploy.
func LoadDeployConfiguration(path string, o *LoadDeployConfigurationOptions) (*AnyDeployConfiguration, error) {
	var options LoadDeployConfigurationOptions
	if o != nil {
		options = *o
	}
	var config *AnyDeployConfiguration
	err := configfile.Load("deployment configuration", path, options.Set, options.OnWarning, func(doc *configfile.Document) {
		l := deployLoader{doc: doc, folder: filepath.Dir(path), options: options}
		config = l.load()
	})
	if err != nil {
		return nil, err
	}
	return config, nil
}

// deployLoader makes a configuration of a file.
type deployLoader struct {
	doc     *configfile.Document
	folder  string
	options LoadDeployConfigurationOptions
}

// fileKinds are the kinds of files with what they are read into, in the order in which
// they are told.
var fileKinds = []struct {
	name string
	keys reflect.Type
}{
	{"aks", reflect.TypeFor[fileAks]()},
	{"aksendpoint", reflect.TypeFor[fileEndpoint]()},
	{"aci", reflect.TypeFor[fileAci]()},
}

func (l *deployLoader) load() *AnyDeployConfiguration {
	kind := l.kind()
	options := configfile.Options{Aliases: aliases(), Other: func(path string) string { return keyOfOthers(kind, path) }}
	switch kind {
	case "aks":
		var f fileAks
		l.doc.Decode(&f, options)
		c := f.config()
		c.ComputeTarget = cmp.Or(l.options.ComputeTarget, f.ComputeTargetName)
		c.Tags, c.Properties, c.Description = l.options.Tags, l.options.Properties, l.options.Description
		return checked(l, c, f.Keys)
	case "aksendpoint":
		var f fileEndpoint
		l.doc.Decode(&f, options)
		c := f.config()
		c.ComputeTarget = l.options.ComputeTarget
		c.Tags, c.Properties, c.Description = l.options.Tags, l.options.Properties, l.options.Description
		return checked(l, c, f.Keys)
	case "aci":
		var f fileAci
		l.doc.Decode(&f, options)
		c := l.aci(f)
		c.Tags, c.Properties, c.Description = l.options.Tags, l.options.Properties, l.options.Description
		return checked(l, c, f.Keys)
	}
	return nil
}

// kind is the kind of file by its computeType. If that is wrong, it is noted, and the
// kind that is most like it, or that most keys are of, is taken to check the rest by.
func (l *deployLoader) kind() string {
	var names []string
	for _, k := range fileKinds {
		names = append(names, k.name)
	}
	n := l.doc.Root.Get("computeType")
	if n != nil && n.Kind == configfile.Text {
		kind := strings.ToLower(n.Text)
		if slices.Contains(names, kind) {
			return kind
		}
		rule := `must be "` + strings.Join(names[:len(names)-1], `", "`) + `" or "` + names[len(names)-1] + `"`
		if kind == "local" {
			l.doc.Wrong("computeType", `"local"`, rule+"; a local service runs in Docker without the workspace")
			return ""
		}
		l.doc.Wrong("computeType", configfile.Quoted(n.Text), rule)
		if near := configfile.Nearest(kind, names); near != "" {
			return near
		}
	}
	best, most := "", -1
	for _, k := range fileKinds {
		count, keys := 0, configfile.Keys(k.keys)
		for _, m := range l.doc.Root.Members {
			if slices.Contains(keys, m.Key) {
				count++
			}
		}
		if count > most {
			best, most = k.name, count
		}
	}
	return best
}

// aliases are names that the keys have elsewhere: those of the fields, which are those of
// azureml.core's arguments, too, and of the services' JSON.
func aliases() map[string]string {
	all := maps.Clone(keysOfFields)
	maps.Copy(all, map[string]string{
		"gpu": "gpuCores", "aadAuthEnabled": "tokenAuthEnabled", "computeName": "computeTargetName",
		"AutoscaleRefreshSeconds": "autoScaler.refreshPeriodInSeconds",
		"SSLCName":                "cname", "SSLCertPEMFile": "sslCertificate", "SSLKeyPEMFile": "sslKey", "ComputeTargetName": "computeTargetName",
	})
	return all
}

// keyOfOthers is the rule for a key that only other kinds of services have.
func keyOfOthers(kind, path string) string {
	var others []string
	for _, k := range fileKinds {
		if slices.Contains(configfile.Keys(k.keys), path) {
			others = append(others, strconv.Quote(k.name))
		}
	}
	if len(others) == 0 || path == "computeType" {
		return ""
	}
	return fmt.Sprintf("is not for computeType %q; it is for %s", kind, strings.Join(others, " and "))
}

// checked checks the rules of a configuration and says in the words of the file which
// are broken.
func checked[S Webservice](l *deployLoader, config model.DeployConfiguration[S], keys fileKeys) *AnyDeployConfiguration {
	if l.doc.Public && !(keys.Primary.IsZero() && keys.Secondary.IsZero()) {
		l.doc.Warn("keys", "it holds keys of the service and everyone on this machine may read it; take that right away (chmod 600)")
	}
	_, err := config.DeployPayload(model.DeployRequest{})
	if e, ok := errors.AsType[*azureml.Error](err); ok {
		l.violations(e.Violations)
	}
	return AnyDeploy(config)
}

var fieldWord = regexp.MustCompile(`\b[A-Z][A-Za-z.]*[a-zA-Z]`)

// violations notes broken rules, unless they only follow from what is noted already.
// Which cluster it is may be said later.
func (l *deployLoader) violations(all []azureml.Violation) {
	var news []azureml.Violation
	for _, v := range all {
		follows := v.Field == "ComputeTarget"
		// "CertPEM or CertPEMFile is required": a file has one key for them.
		if strings.HasPrefix(v.Rule, "or ") {
			v.Rule = "is required"
		}
		v.Rule = fieldWord.ReplaceAllStringFunc(v.Rule, func(word string) string {
			key, known := keysOfFields[word]
			follows = follows || known && l.doc.HasProblem(key)
			return cmp.Or(key, word)
		})
		v.Field = cmp.Or(keysOfFields[v.Field], v.Field)
		if !follows && !l.doc.HasProblem(v.Field) {
			news = append(news, v)
		}
	}
	for _, v := range news {
		l.doc.Wrong(v.Field, v.Value, v.Rule)
	}
}

// config is the configuration of a file whose form is checked.
func (f fileReplicas) config() AksDeployConfiguration {
	return AksDeployConfiguration{
		AutoscaleEnabled: f.AutoScaler.Enabled, AutoscaleMinReplicas: value(f.AutoScaler.MinReplicas), AutoscaleMaxReplicas: value(f.AutoScaler.MaxReplicas),
		AutoscaleRefresh: duration(f.AutoScaler.RefreshSeconds, time.Second), AutoscaleTargetUtilization: value(f.AutoScaler.TargetUtilization),
		NumReplicas: value(f.NumReplicas),
		CPUCores:    value(f.Resources.CPU), CPUCoresLimit: value(f.Resources.CPULimit),
		MemoryGB: value(f.Resources.MemoryGB), MemoryGBLimit: value(f.Resources.MemoryGBLimit), GPUCores: f.GPUCores,
		AuthEnabled: f.AuthEnabled, TokenAuthEnabled: f.TokenAuthEnabled,
		PrimaryKey: f.Keys.Primary, SecondaryKey: f.Keys.Secondary,
		CollectModelData: f.DataCollection.StorageEnabled, EnableAppInsights: f.AppInsightsEnabled,
		ScoringTimeout: duration(f.ScoringTimeoutMS, time.Millisecond), MaxRequestWaitTime: duration(f.MaxQueueWaitMS, time.Millisecond),
		ReplicaMaxConcurrentRequests: value(f.MaxConcurrentRequests), Namespace: f.Namespace,
		LivenessProbe: LivenessProbe{
			Period: duration(f.LivenessProbe.PeriodSeconds, time.Second), InitialDelay: duration(f.LivenessProbe.InitialDelaySeconds, time.Second),
			Timeout:          duration(f.LivenessProbe.TimeoutSeconds, time.Second),
			SuccessThreshold: value(f.LivenessProbe.SuccessThreshold), FailureThreshold: value(f.LivenessProbe.FailureThreshold),
		},
	}
}

// config is the configuration of a file whose form is checked.
func (f fileEndpoint) config() AksEndpointDeployConfiguration {
	c := f.fileReplicas.config()
	return AksEndpointDeployConfiguration{
		VersionName: f.VersionName, TrafficPercentile: f.TrafficPercentile,
		AutoscaleEnabled: c.AutoscaleEnabled, AutoscaleMinReplicas: c.AutoscaleMinReplicas, AutoscaleMaxReplicas: c.AutoscaleMaxReplicas,
		AutoscaleRefresh: c.AutoscaleRefresh, AutoscaleTargetUtilization: c.AutoscaleTargetUtilization, NumReplicas: c.NumReplicas,
		CPUCores: c.CPUCores, CPUCoresLimit: c.CPUCoresLimit, MemoryGB: c.MemoryGB, MemoryGBLimit: c.MemoryGBLimit, GPUCores: c.GPUCores,
		AuthEnabled: c.AuthEnabled, TokenAuthEnabled: c.TokenAuthEnabled, PrimaryKey: c.PrimaryKey, SecondaryKey: c.SecondaryKey,
		CollectModelData: c.CollectModelData, EnableAppInsights: c.EnableAppInsights,
		ScoringTimeout: c.ScoringTimeout, MaxRequestWaitTime: c.MaxRequestWaitTime, ReplicaMaxConcurrentRequests: c.ReplicaMaxConcurrentRequests,
		LivenessProbe: c.LivenessProbe, Namespace: c.Namespace,
	}
}

// aci is the configuration of a file whose form is checked.
func (l *deployLoader) aci(f fileAci) AciDeployConfiguration {
	if l.options.ComputeTarget != "" {
		l.doc.Wrong("computeType", `"aci"`, fmt.Sprintf("does not go with the compute target %q; a service on ACI has none", l.options.ComputeTarget))
	}
	if f.DataCollection.StorageEnabled != nil {
		l.doc.Warn("dataCollection", "dataCollection ignored, because the service is on ACI")
	}
	c := AciDeployConfiguration{
		CPUCores: value(f.Resources.CPU), MemoryGB: value(f.Resources.MemoryGB), Location: f.Location,
		AuthEnabled: f.AuthEnabled, PrimaryKey: f.Keys.Primary, SecondaryKey: f.Keys.Secondary,
		DNSNameLabel: f.DNSNameLabel, EnableAppInsights: f.AppInsightsEnabled,
	}
	if isTrue(f.SSLEnabled) {
		c.SSL = &AciSslConfiguration{CName: f.CName, CertPEMFile: l.beside(f.SSLCertificate), KeyPEMFile: l.beside(f.SSLKey)}
	} else {
		for _, key := range []string{"sslCertificate", "sslKey", "cname"} {
			if n := l.doc.Root.Get(key); n != nil && n.Text != "" {
				l.doc.Warn(key, key+" ignored, because sslEnabled is not true")
			}
		}
	}
	if e := (EncryptionProperties{VaultBaseURL: f.VaultBaseURL, KeyName: f.KeyName, KeyVersion: f.KeyVersion}); e != (EncryptionProperties{}) {
		c.Encryption = &e
	}
	if v := (VnetConfiguration{VnetName: f.VnetName, SubnetName: f.SubnetName}); v != (VnetConfiguration{}) {
		c.Vnet = &v
	}
	return c
}

// beside gives a path of the file as one for this program.
func (l *deployLoader) beside(path string) string {
	path = filepath.FromSlash(path)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.folder, path)
}

func value[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

func duration(n *int, unit time.Duration) time.Duration { return time.Duration(value(n)) * unit }
