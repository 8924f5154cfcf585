// Package validate collects all broken rules of an input into one error.
package validate

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/azureml-go/azureml"
)

// Checker collects violations. The zero value is ready; it belongs to one goroutine.
type Checker struct {
	violations []azureml.Violation
	prefix     string
}

// maxValue is how much of a value a violation shows.
const maxValue = 80

// In gives a checker that puts prefix and a dot before field names and collects
// into c when done is called.
func (c *Checker) In(prefix string, check func(*Checker)) {
	inner := &Checker{prefix: c.prefix + prefix + "."}
	check(inner)
	c.violations = append(c.violations, inner.violations...)
}

// Add notes that field breaks rule. A Secret shows only its length; a nil value
// shows nothing.
func (c *Checker) Add(field string, value any, rule string) {
	c.violations = append(c.violations, azureml.Violation{Field: c.prefix + field, Value: show(value), Rule: rule})
}

// Addf is [Checker.Add] with a formatted rule.
func (c *Checker) Addf(field string, value any, rule string, args ...any) {
	c.Add(field, value, fmt.Sprintf(rule, args...))
}

// Require notes an empty text.
func (c *Checker) Require(field, value string) bool {
	if strings.TrimSpace(value) == "" {
		c.Add(field, nil, "is required")
		return false
	}
	return true
}

// Match notes a text that does not match pattern wholly; rule says it in words.
func (c *Checker) Match(field, value string, pattern *regexp.Regexp, rule string) bool {
	if pattern.MatchString(value) && pattern.FindString(value) == value {
		return true
	}
	c.Add(field, value, rule)
	return false
}

// Violations gives what was collected so far.
func (c *Checker) Violations() []azureml.Violation { return c.violations }

// OK tells that nothing was noted so far.
func (c *Checker) OK() bool { return len(c.violations) == 0 }

// Err is nil when nothing was noted, else one error of kind azureml.ErrInvalid
// with all violations.
func (c *Checker) Err(operation, subject string) error {
	if c.OK() {
		return nil
	}
	return &azureml.Error{
		Operation:  operation,
		Subject:    subject,
		Kind:       azureml.ErrInvalid,
		Violations: c.violations,
	}
}

// Number is what can be compared with a bound.
type Number interface {
	~int | ~int32 | ~int64 | ~float64 | ~float32
}

// Positive notes a value that is set (not zero) and not > 0.
func Positive[N Number](c *Checker, field string, value N) {
	switch {
	case value != 0 && !(value > 0):
		c.Add(field, value, "must be > 0")
	case math.IsInf(float64(value), 1):
		c.Add(field, value, "must be finite")
	}
}

// PositivePtr notes a value that is set (not nil) and not > 0.
func PositivePtr[N Number](c *Checker, field string, value *N) {
	switch {
	case value == nil:
	case !(*value > 0):
		c.Add(field, *value, "must be > 0")
	case math.IsInf(float64(*value), 1):
		c.Add(field, *value, "must be finite")
	}
}

// NotNegativePtr notes a value that is set (not nil) and not >= 0.
func NotNegativePtr[N Number](c *Checker, field string, value *N) {
	if value != nil && !(*value >= 0) {
		c.Add(field, *value, "must be >= 0")
	}
}

// Between notes a value that is set (not nil) and outside of low..high.
func Between[N Number](c *Checker, field string, value *N, low, high N) {
	if value != nil && !(*value >= low && *value <= high) {
		c.Addf(field, *value, "must be from %v to %v", low, high)
	}
}

// OneOf notes a text that is set and not among allowed.
func OneOf[S ~string](c *Checker, field string, value S, allowed ...S) {
	if value == "" {
		return
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		if a == value {
			return
		}
		names[i] = strconv.Quote(string(a))
	}
	c.Add(field, string(value), "must be one of "+strings.Join(names, ", "))
}

// NotLess notes a pair, both set, of which upper is less than lower.
func NotLess[N cmp.Ordered](c *Checker, upperField string, upper N, lowerField string, lower N) {
	var zero N
	if upper != zero && lower != zero && upper < lower {
		c.Addf(upperField, upper, "must be >= %s (%v)", lowerField, lower)
	}
}

func show(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case azureml.Secret:
		return fmt.Sprintf("%d bytes", v.Len())
	case string:
		return shorten(strconv.Quote(v))
	case fmt.Stringer:
		return shorten(strconv.Quote(v.String()))
	default:
		return shorten(fmt.Sprint(v))
	}
}

func shorten(text string) string {
	if len(text) <= maxValue {
		return text
	}
	return strings.ToValidUTF8(text[:maxValue], "") + "…"
}
