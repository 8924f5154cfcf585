package compute

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// VMSize is a size of virtual machines that Azure Machine Learning offers in a region.
type VMSize struct {
	// Name is what configurations take: "Standard_D3_v2".
	Name   string `json:"name"`
	Family string `json:"family,omitempty"`
	// VCPUs is the number of virtual CPUs; of sizes with constrained cores the full one.
	VCPUs *int `json:"vCPUs,omitempty"`
	GPUs  *int `json:"gpus,omitempty"`
	// MemoryGB is the memory in GiB.
	MemoryGB *float64 `json:"memoryGB,omitempty"`
	// MaxResourceVolumeMB and OSVhdSizeMB are the sizes of the disks in MiB.
	MaxResourceVolumeMB *int  `json:"maxResourceVolumeMB,omitempty"`
	OSVhdSizeMB         *int  `json:"osVhdSizeMB,omitempty"`
	LowPriorityCapable  *bool `json:"lowPriorityCapable,omitempty"`
	PremiumIO           *bool `json:"premiumIO,omitempty"`
}

// VMSizesOptions are the optional parts of [VMSizes].
type VMSizesOptions struct {
	// Location is the region; default is the workspace's.
	Location string
}

// maxPages bounds a list whose pages go on and on.
const maxPages = 1000

// VMSizes lists the VM sizes that Azure Machine Learning offers in a region. AKS can
// use sizes that are not among them. A failure is yielded once and ends the list.
//
// It mirrors azureml.core's AmlCompute.supported_vmsizes.
func VMSizes(ctx context.Context, ws *workspace.Workspace, o *VMSizesOptions) iter.Seq2[*VMSize, error] {
	var options VMSizesOptions
	if o != nil {
		options = *o
	}
	return func(yield func(*VMSize, error) bool) {
		r, err := inRegion(ws, "list", "the VM sizes", options.Location, "vmSizes")
		if err != nil {
			yield(nil, err)
			return
		}
		for range maxPages {
			// Older api-versions call the list amlCompute.
			var page struct {
				Value      []*VMSize `json:"value"`
				AmlCompute []*VMSize `json:"amlCompute"`
				NextLink   string    `json:"nextLink"`
			}
			if _, err := ws.Do(ctx, r, &page); err != nil {
				yield(nil, err)
				return
			}
			for _, size := range slices.Concat(page.Value, page.AmlCompute) {
				if size != nil && !yield(size, nil) {
					return
				}
			}
			next, err := url.Parse(page.NextLink)
			if err != nil || page.NextLink == "" || maps.EqualFunc(next.Query(), r.Query, slices.Equal) {
				return
			}
			r.Query = next.Query()
		}
	}
}

// Usage is how much of a quota of Azure Machine Learning is used up in a region.
type Usage struct {
	ID   string `json:"id,omitempty"`
	Type string `json:"type,omitempty"`
	// Unit of the numbers: "Count".
	Unit string `json:"unit,omitempty"`
	// CurrentValue and Limit are how much is used and how much may be.
	CurrentValue *int64    `json:"currentValue,omitempty"`
	Limit        *int64    `json:"limit,omitempty"`
	Name         UsageName `json:"name,omitzero"`
	// WorkspaceLocation is the region of the workspace that the usage is of, if it is of one.
	WorkspaceLocation string `json:"amlWorkspaceLocation,omitempty"`
}

// UsageName says what is counted.
type UsageName struct {
	// Value is the name of the quota: "standardDv2Family".
	Value string `json:"value,omitempty"`
	// LocalizedValue is the name for people.
	LocalizedValue string `json:"localizedValue,omitempty"`
}

// UsagesOptions are the optional parts of [Usages].
type UsagesOptions struct {
	// Location is the region; default is the workspace's.
	Location string
}

// Usages lists the subscription's quotas of Azure Machine Learning in a region and how
// much of each is used. They do not hold the quotas of AKS itself, which are those of
// virtual machines. A failure is yielded once and ends the list.
//
// It mirrors azureml.core's AmlCompute.get_usages.
func Usages(ctx context.Context, ws *workspace.Workspace, o *UsagesOptions) iter.Seq2[*Usage, error] {
	var options UsagesOptions
	if o != nil {
		options = *o
	}
	return func(yield func(*Usage, error) bool) {
		r, err := inRegion(ws, "list", "the quotas", options.Location, "usages")
		if err != nil {
			yield(nil, err)
			return
		}
		for usage, err := range workspace.List[*Usage](ctx, ws, r, nil) {
			if err == nil && usage == nil {
				continue
			}
			if !yield(usage, err) {
				return
			}
		}
	}
}

// inRegion is a request about a region of the workspace's subscription.
func inRegion(ws *workspace.Workspace, operation, what, location, list string) (workspace.Request, error) {
	var check validate.Checker
	if ws == nil {
		check.Add("ws", nil, "is required")
		return workspace.Request{}, check.Err(operation, what)
	}
	if location == "" {
		location = ws.Location
	}
	location = region(location)
	if location == "" {
		return workspace.Request{}, &azureml.Error{
			Operation: operation, Subject: what, Kind: azureml.ErrInvalid,
			Violations: []azureml.Violation{{Field: "Location", Rule: "is required: the workspace does not tell its region"}},
		}
	}
	return workspace.Request{
		Service: workspace.ResourceManager, Operation: operation, Subject: what + " of " + location,
		Path: "/subscriptions/" + workspace.Segment(ws.SubscriptionID) +
			"/providers/Microsoft.MachineLearningServices/locations/" + workspace.Segment(location) + "/" + list,
	}, nil
}

// region is a region's name as it stands in addresses: "West Europe" is "westeurope".
func region(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), " ", ""))
}
