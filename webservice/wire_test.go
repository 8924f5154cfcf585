package webservice

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestWireHasAll: what a service shows is read, by the same name.
func TestWireHasAll(t *testing.T) {
	t.Parallel()
	wire := tags(reflect.TypeFor[wireService]())
	for _, of := range []reflect.Type{reflect.TypeFor[Service](), reflect.TypeFor[AksWebservice](), reflect.TypeFor[AciWebservice]()} {
		for name, field := range tags(of) {
			assert.Equal(t, field, wire[name], "%s.%s", of.Name(), name)
		}
	}
}

// TestWireIsCopied: each field gets where it belongs. Those of one type are told apart by
// what is in them.
func TestWireIsCopied(t *testing.T) {
	t.Parallel()
	for _, kind := range []ComputeType{ComputeTypeAKS, ComputeTypeACI} {
		var wire wireService
		read := reflect.ValueOf(&wire).Elem()
		for i := range read.NumField() {
			if field := read.Type().Field(i); field.IsExported() {
				mark(read.Field(i), i+1)
			}
		}
		wire.ComputeType = kind
		wire.Image, wire.Models = wireImage{ModelIDs: wire.ModelIDs}, nil
		svc, err := wire.service(nil)
		assert.NoError(t, err)
		made := reflect.ValueOf(svc).Elem()
		for name, tag := range tags(made.Type()) {
			want, got := fieldOf(read, tag), fieldOf(made, tag)
			if want.Type() != got.Type() { // of times, the wire has its own
				want = want.Field(0)
			}
			assert.False(t, got.IsZero(), name)
			if got.Kind() == reflect.Pointer {
				assert.Equal(t, want.Pointer(), got.Pointer(), name)
			} else {
				assert.Equal(t, want.Interface(), got.Interface(), name)
			}
		}
	}
}

// tags are the fields' names on the wire, by their names here.
func tags(of reflect.Type) map[string]string {
	all := map[string]string{}
	for _, f := range reflect.VisibleFields(of) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" {
			all[f.Name] = tag
		}
	}
	return all
}

// fieldOf is the field with that name on the wire.
func fieldOf(of reflect.Value, tag string) reflect.Value {
	for _, f := range reflect.VisibleFields(of.Type()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == tag {
			return of.FieldByIndex(f.Index)
		}
	}
	return reflect.Value{}
}

// mark puts something in v that depends on n.
func mark(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.Repeat("x", n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem())) // told apart by where it points
		mark(v.Elem(), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(strings.Repeat("k", n)), reflect.Zero(v.Type().Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		mark(v.Index(0), n)
	case reflect.Struct:
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = time.Unix(int64(n), 0).UTC()
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				mark(v.Field(i), n)
			}
		}
	}
}
