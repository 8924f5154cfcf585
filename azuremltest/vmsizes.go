package azuremltest

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// vmSize is a size of virtual machines.
type vmSize struct {
	name     string
	family   string
	cores    int
	memoryGB float64
	gpus     int
}

// sizeTable holds families and their sizes as name cores/GiB/GPUs; the names
// lack the prefix Standard_. contract: compute §9.2
const sizeTable = `
standardAv2Family: A1_v2 1/2 A2_v2 2/4 A4_v2 4/8 A8_v2 8/16 A2m_v2 2/16 A4m_v2 4/32 A8m_v2 8/64
standardBSFamily: B1s 1/1 B1ms 1/2 B2s 2/4 B2ms 2/8 B4ms 4/16 B8ms 8/32 B12ms 12/48 B16ms 16/64 B20ms 20/80
standardDv2Family: D1_v2 1/3.5 D2_v2 2/7 D3_v2 4/14 D4_v2 8/28 D5_v2 16/56 D11_v2 2/14 D12_v2 4/28 D13_v2 8/56 D14_v2 16/112 D15_v2 20/140
standardDSv2Family: DS1_v2 1/3.5 DS2_v2 2/7 DS3_v2 4/14 DS4_v2 8/28 DS5_v2 16/56 DS11_v2 2/14 DS12_v2 4/28 DS13_v2 8/56 DS14_v2 16/112 DS15_v2 20/140
standardDFamily: D1 1/3.5 D2 2/7 D3 4/14 D4 8/28 D11 2/14 D12 4/28 D13 8/56 D14 16/112
standardDv3Family: D2_v3 2/8 D4_v3 4/16 D8_v3 8/32 D16_v3 16/64 D32_v3 32/128 D48_v3 48/192 D64_v3 64/256
standardDSv3Family: D2s_v3 2/8 D4s_v3 4/16 D8s_v3 8/32 D16s_v3 16/64 D32s_v3 32/128 D48s_v3 48/192 D64s_v3 64/256
standardDASv4Family: D2as_v4 2/8 D4as_v4 4/16 D8as_v4 8/32 D16as_v4 16/64 D32as_v4 32/128 D48as_v4 48/192 D64as_v4 64/256 D96as_v4 96/384
standardDSv4Family: D2s_v4 2/8 D4s_v4 4/16 D8s_v4 8/32 D16s_v4 16/64 D32s_v4 32/128 D48s_v4 48/192 D64s_v4 64/256
standardDSv5Family: D2s_v5 2/8 D4s_v5 4/16 D8s_v5 8/32 D16s_v5 16/64 D32s_v5 32/128 D48s_v5 48/192 D64s_v5 64/256
standardEv3Family: E2_v3 2/16 E4_v3 4/32 E8_v3 8/64 E16_v3 16/128 E20_v3 20/160 E32_v3 32/256 E48_v3 48/384 E64_v3 64/432
standardESv3Family: E2s_v3 2/16 E4s_v3 4/32 E8s_v3 8/64 E16s_v3 16/128 E20s_v3 20/160 E32s_v3 32/256 E48s_v3 48/384 E64s_v3 64/432
standardFSv2Family: F2s_v2 2/4 F4s_v2 4/8 F8s_v2 8/16 F16s_v2 16/32 F32s_v2 32/64 F48s_v2 48/96 F64s_v2 64/128 F72s_v2 72/144
standardMSFamily: M8ms 8/218.75 M16ms 16/437.5 M32ts 32/192 M32ls 32/256 M32ms 32/875 M64s 64/1024 M64ls 64/512 M64ms 64/1792 M128s 128/2048 M128ms 128/3892
standardNCFamily: NC6 6/56/1 NC12 12/112/2 NC24 24/224/4 NC24r 24/224/4
standardNCSv2Family: NC6s_v2 6/112/1 NC12s_v2 12/224/2 NC24s_v2 24/448/4 NC24rs_v2 24/448/4
standardNCSv3Family: NC6s_v3 6/112/1 NC12s_v3 12/224/2 NC24s_v3 24/448/4 NC24rs_v3 24/448/4
standardNCASv3_T4Family: NC4as_T4_v3 4/28/1 NC8as_T4_v3 8/56/1 NC16as_T4_v3 16/110/1 NC64as_T4_v3 64/440/4
standardNDSFamily: ND6s 6/112/1 ND12s 12/224/2 ND24s 24/448/4 ND24rs 24/448/4 ND40s_v2 40/672/8
standardNVFamily: NV6 6/56/1 NV12 12/112/2 NV24 24/224/4
standardPBSFamily: PB6s 6/112
`

// vmSizes returns the sizes in the order of the table.
var vmSizes = sync.OnceValue(func() []vmSize {
	var list []vmSize
	for line := range strings.Lines(strings.TrimSpace(sizeTable)) {
		family, sizes, _ := strings.Cut(line, ":")
		fields := strings.Fields(sizes)
		for i := 0; i+1 < len(fields); i += 2 {
			s := vmSize{name: "Standard_" + fields[i], family: family}
			numbers := strings.Split(fields[i+1]+"/0", "/")
			s.cores, _ = strconv.Atoi(numbers[0])
			s.memoryGB, _ = strconv.ParseFloat(numbers[1], 64)
			s.gpus, _ = strconv.Atoi(numbers[2])
			list = append(list, s)
		}
	}
	return list
})

// vmSizeByName finds a size ignoring case. An unknown one has no cores.
func vmSizeByName(name string) vmSize {
	sizes := vmSizes()
	i := slices.IndexFunc(sizes, func(s vmSize) bool { return equalFold(s.name, name) })
	if i < 0 {
		return vmSize{name: name}
	}
	return sizes[i]
}

// listMLSizes answers under the key that the api-version has for them.
func (c *call) listMLSizes() {
	if c.findSubscription() == nil {
		return
	}
	key := "amlCompute"
	if c.since("2021-07-01") {
		key = "value"
	}
	list := make([]any, 0, len(vmSizes()))
	for _, s := range vmSizes() {
		list = append(list, map[string]any{"name": s.name, "family": s.family, "vCPUs": s.cores, "gpus": s.gpus, "osVhdSizeMB": 1047552,
			"maxResourceVolumeMB": 50 * 1024 * s.cores, "memoryGB": s.memoryGB, "lowPriorityCapable": true, "premiumIO": strings.Contains(s.family, "S")})
	}
	c.json(http.StatusOK, map[string]any{key: list})
}

// listUsages shows the only quota that the emulator has.
func (c *call) listUsages() {
	sub := c.findSubscription()
	if sub == nil {
		return
	}
	id := "/subscriptions/" + sub.id + "/providers/Microsoft.MachineLearningServices/locations/" + c.path("location") + "/usages/TotalCores"
	c.json(http.StatusOK, map[string]any{"value": []any{map[string]any{
		"id": id, "type": "Microsoft.MachineLearningServices/usages", "unit": "Count", "currentValue": sub.coresUsed(), "limit": sub.coreQuota,
		"name": map[string]string{"value": "TotalCores", "localizedValue": "Total Cluster Dedicated Regional vCPUs"},
	}}})
}

// locationFilter is the only filter of listSKUs.
var locationFilter = regexp.MustCompile(`^\s*location\s+eq\s+'([^']*)'\s*$`)

// listSKUs answers for Microsoft.Compute.
func (c *call) listSKUs() {
	if c.findSubscription() == nil {
		return
	}
	location := Location
	if filter := c.query("$filter"); filter != "" {
		m := locationFilter.FindStringSubmatch(filter)
		if m == nil {
			c.fail(http.StatusBadRequest, "InvalidFilterInQueryString", "Invalid $filter '"+filter+"' specified in the query string.")
			return
		}
		location = m[1]
	}
	answerPage(c, "value", vmSizes(), func(s vmSize) any {
		capability := func(name, value string) map[string]string { return map[string]string{"name": name, "value": value} }
		short := strings.TrimPrefix(s.name, "Standard_")
		return map[string]any{"resourceType": "virtualMachines", "name": s.name, "tier": "Standard", "size": short, "family": s.family,
			"locations": []string{location}, "locationInfo": []any{map[string]any{"location": location, "zones": []string{}}},
			"capabilities": []any{capability("vCPUs", strconv.Itoa(s.cores)), capability("MemoryGB", strconv.FormatFloat(s.memoryGB, 'f', -1, 64)),
				capability("vCPUsAvailable", strconv.Itoa(s.cores)), capability("GPUs", strconv.Itoa(s.gpus))},
			"restrictions": []any{}}
	})
}

// listComputeSizes is the older form of listSKUs.
func (c *call) listComputeSizes() {
	if c.findSubscription() == nil {
		return
	}
	answerPage(c, "value", vmSizes(), func(s vmSize) any {
		return map[string]any{"name": s.name, "numberOfCores": s.cores, "osDiskSizeInMB": 1047552, "resourceDiskSizeInMB": 50 * 1024 * s.cores,
			"memoryInMB": int(s.memoryGB * 1024), "maxDataDiskCount": 4 * s.cores}
	})
}
