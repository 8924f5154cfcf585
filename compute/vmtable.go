package compute

import (
	"strconv"
	"strings"
)

// vmFamilies are the vCPU counts of common VM sizes, NAME:COUNT without the prefix
// "Standard_" (contract: compute §9.2). They serve when the service cannot be asked.
// The digits of a name are its count in newer families only: D3_v2 has 4.
var vmFamilies = []string{
	"A1_v2:1 A2_v2:2 A4_v2:4 A8_v2:8 A2m_v2:2 A4m_v2:4 A8m_v2:8",                                        // A v2
	"B1ls:1 B1s:1 B1ms:1 B2s:2 B2ms:2 B4ms:4 B8ms:8 B12ms:12 B16ms:16 B20ms:20",                         // B
	"D1_v2:1 D2_v2:2 D3_v2:4 D4_v2:8 D5_v2:16 D11_v2:2 D12_v2:4 D13_v2:8 D14_v2:16 D15_v2:20",           // D v2
	"DS1_v2:1 DS2_v2:2 DS3_v2:4 DS4_v2:8 DS5_v2:16 DS11_v2:2 DS12_v2:4 DS13_v2:8 DS14_v2:16 DS15_v2:20", // DS v2
	"D1:1 D2:2 D3:4 D4:8 D11:2 D12:4 D13:8 D14:16",                                                      // D
	"DS1:1 DS2:2 DS3:4 DS4:8 DS11:2 DS12:4 DS13:8 DS14:16",                                              // DS
	"D2_v3:2 D4_v3:4 D8_v3:8 D16_v3:16 D32_v3:32 D48_v3:48 D64_v3:64",                                   // D v3
	"D2s_v3:2 D4s_v3:4 D8s_v3:8 D16s_v3:16 D32s_v3:32 D48s_v3:48 D64s_v3:64",                            // Ds v3
	"D2a_v4:2 D4a_v4:4 D8a_v4:8 D16a_v4:16 D32a_v4:32 D48a_v4:48 D64a_v4:64 D96a_v4:96",                 // Da v4
	"D2as_v4:2 D4as_v4:4 D8as_v4:8 D16as_v4:16 D32as_v4:32 D48as_v4:48 D64as_v4:64 D96as_v4:96",         // Das v4
	"D2_v4:2 D4_v4:4 D8_v4:8 D16_v4:16 D32_v4:32 D48_v4:48 D64_v4:64",                                   // D v4
	"D2s_v4:2 D4s_v4:4 D8s_v4:8 D16s_v4:16 D32s_v4:32 D48s_v4:48 D64s_v4:64",                            // Ds v4
	"D2d_v4:2 D4d_v4:4 D8d_v4:8 D16d_v4:16 D32d_v4:32 D48d_v4:48 D64d_v4:64",                            // Dd v4
	"D2ds_v4:2 D4ds_v4:4 D8ds_v4:8 D16ds_v4:16 D32ds_v4:32 D48ds_v4:48 D64ds_v4:64",                     // Dds v4
	"D2_v5:2 D4_v5:4 D8_v5:8 D16_v5:16 D32_v5:32 D48_v5:48 D64_v5:64",                                   // D v5
	"D2s_v5:2 D4s_v5:4 D8s_v5:8 D16s_v5:16 D32s_v5:32 D48s_v5:48 D64s_v5:64",                            // Ds v5
	"D2d_v5:2 D4d_v5:4 D8d_v5:8 D16d_v5:16 D32d_v5:32 D48d_v5:48 D64d_v5:64",                            // Dd v5
	"D2ds_v5:2 D4ds_v5:4 D8ds_v5:8 D16ds_v5:16 D32ds_v5:32 D48ds_v5:48 D64ds_v5:64",                     // Dds v5
	"E2_v3:2 E4_v3:4 E8_v3:8 E16_v3:16 E20_v3:20 E32_v3:32 E48_v3:48 E64_v3:64",                         // E v3
	"E2s_v3:2 E4s_v3:4 E8s_v3:8 E16s_v3:16 E20s_v3:20 E32s_v3:32 E48s_v3:48 E64s_v3:64",                 // Es v3
	"F1:1 F2:2 F4:4 F8:8 F16:16",      // F
	"F1s:1 F2s:2 F4s:4 F8s:8 F16s:16", // Fs
	"F2s_v2:2 F4s_v2:4 F8s_v2:8 F16s_v2:16 F32s_v2:32 F48s_v2:48 F64s_v2:64 F72s_v2:72", // Fs v2
	"DC2s:2 DC4s:4", // DC
	"M8ms:8 M16ms:16 M32ts:32 M32ls:32 M32ms:32 M64s:64 M64ls:64 M64ms:64 M128s:128 M128ms:128", // M
	"NC6:6 NC12:12 NC24:24 NC24r:24",                              // NC
	"NC6s_v2:6 NC12s_v2:12 NC24s_v2:24 NC24rs_v2:24",              // NC v2
	"NC6s_v3:6 NC12s_v3:12 NC24s_v3:24 NC24rs_v3:24",              // NC v3
	"NC4as_T4_v3:4 NC8as_T4_v3:8 NC16as_T4_v3:16 NC64as_T4_v3:64", // NC T4 v3
	"ND6s:6 ND12s:12 ND24s:24 ND24rs:24 ND40s_v2:40",              // ND
	"NV6:6 NV12:12 NV24:24 NV12s_v3:12 NV24s_v3:24 NV48s_v3:48",   // NV
	"PB6s:6", // PB (FPGA)
}

const vmPrefix = "standard_"

// knownVCPUs looks size up in the table, in any case of letters.
func knownVCPUs(size string) (int, bool) {
	want, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(size)), vmPrefix)
	if !ok {
		return 0, false
	}
	for _, family := range vmFamilies {
		for entry := range strings.FieldsSeq(family) {
			name, count, _ := strings.Cut(entry, ":")
			if strings.EqualFold(name, want) {
				n, err := strconv.Atoi(count)
				return n, err == nil
			}
		}
	}
	return 0, false
}
