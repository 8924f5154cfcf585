package compute

// Type is the kind of a compute, as the service spells it. Types that are not listed
// here are kept as they come.
type Type string

// The compute types.
const (
	TypeAKS               Type = "AKS"
	TypeKubernetes        Type = "Kubernetes"
	TypeAmlCompute        Type = "AmlCompute"
	TypeComputeInstance   Type = "ComputeInstance"
	TypeVirtualMachine    Type = "VirtualMachine"
	TypeDataFactory       Type = "DataFactory"
	TypeDataLakeAnalytics Type = "DataLakeAnalytics"
	TypeDatabricks        Type = "Databricks"
	TypeHDInsight         Type = "HDInsight"
	TypeBatch             Type = "Batch"
	TypeKusto             Type = "Kusto"
	TypeSynapseSpark      Type = "SynapseSpark"
)

// PossibleTypeValues returns the known values of [Type].
func PossibleTypeValues() []Type {
	return []Type{
		TypeAKS, TypeKubernetes, TypeAmlCompute, TypeComputeInstance, TypeVirtualMachine, TypeDataFactory,
		TypeDataLakeAnalytics, TypeDatabricks, TypeHDInsight, TypeBatch, TypeKusto, TypeSynapseSpark,
	}
}

// ProvisioningState says how far a compute has come. The service may answer others.
type ProvisioningState string

// The provisioning states.
const (
	StateUnknown   ProvisioningState = "Unknown"
	StateCreating  ProvisioningState = "Creating"
	StateUpdating  ProvisioningState = "Updating"
	StateDeleting  ProvisioningState = "Deleting"
	StateSucceeded ProvisioningState = "Succeeded"
	StateFailed    ProvisioningState = "Failed"
	StateCanceled  ProvisioningState = "Canceled"
)

// PossibleProvisioningStateValues returns the known values of [ProvisioningState].
func PossibleProvisioningStateValues() []ProvisioningState {
	return []ProvisioningState{
		StateUnknown, StateCreating, StateUpdating, StateDeleting, StateSucceeded, StateFailed, StateCanceled,
	}
}

// ClusterPurpose is what an AKS cluster is for. It mirrors AksCompute.ClusterPurpose.
type ClusterPurpose string

// The cluster purposes.
const (
	// FastProd is for production; the service's default. It needs 12 vCPUs.
	FastProd ClusterPurpose = "FastProd"
	// DenseProd is for production with many small services; it needs 12 vCPUs, too.
	DenseProd ClusterPurpose = "DenseProd"
	// DevTest is for development and tests, on a cluster of any size.
	DevTest ClusterPurpose = "DevTest"
)

// PossibleClusterPurposeValues returns the values of [ClusterPurpose].
func PossibleClusterPurposeValues() []ClusterPurpose {
	return []ClusterPurpose{FastProd, DenseProd, DevTest}
}

// LoadBalancerType says how the services on a cluster can be reached.
type LoadBalancerType string

// The load balancer types.
const (
	// PublicIP: from the internet; the service's default.
	PublicIP LoadBalancerType = "PublicIp"
	// InternalLoadBalancer: from the cluster's virtual network only.
	InternalLoadBalancer LoadBalancerType = "InternalLoadBalancer"
)

// PossibleLoadBalancerTypeValues returns the values of [LoadBalancerType].
func PossibleLoadBalancerTypeValues() []LoadBalancerType {
	return []LoadBalancerType{PublicIP, InternalLoadBalancer}
}

// SslStatus says whether services on a cluster are served over https, and by whose
// certificate.
type SslStatus string

// The TLS states.
const (
	// SslDisabled: plain http.
	SslDisabled SslStatus = "Disabled"
	// SslEnabled: https with an own certificate.
	SslEnabled SslStatus = "Enabled"
	// SslAuto: https with a certificate of Microsoft's for a leaf domain label.
	SslAuto SslStatus = "Auto"
)

// PossibleSslStatusValues returns the values of [SslStatus].
func PossibleSslStatusValues() []SslStatus { return []SslStatus{SslDisabled, SslEnabled, SslAuto} }
