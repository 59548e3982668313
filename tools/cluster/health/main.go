// Command health says what other tools make of objects: kstatus by its own library, which Flux and kpt use, and Argo CD
// by a health check in Lua, run as Argo CD does. It reads one JSON object per line and writes one line of JSON for each.
// With --metrics it says what `promtool check metrics` says of a page of metrics, one problem per line.
//
// Usage: health CHECK.lua <objects >verdicts
//
//	health --metrics <page >problems
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// The largest object that the API server takes is about this large.
const maxLine = 4 << 20

type verdict struct {
	Kstatus string `json:"kstatus"`
	Argo    string `json:"argo"`
	Message string `json:"message"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "health:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("one argument is needed, the file of the health check or --metrics")
	}
	if os.Args[1] == "--metrics" {
		return lintMetrics()
	}
	check, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxLine)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(lines.Bytes()); err != nil {
			return err
		}
		found, err := judge(object, string(check))
		if err != nil {
			return err
		}
		if err := out.Encode(found); err != nil {
			return err
		}
	}
	return lines.Err()
}

func lintMetrics() error {
	problems, err := promlint.New(os.Stdin).Lint()
	if err != nil {
		return err
	}
	for _, problem := range problems {
		fmt.Printf("%s: %s\n", problem.Metric, problem.Text)
	}
	return nil
}

func judge(object *unstructured.Unstructured, check string) (verdict, error) {
	result, err := status.Compute(object)
	if err != nil {
		return verdict{}, err
	}
	health, err := runCheck(object, check)
	if err != nil {
		return verdict{}, err
	}
	argo := lua.LVAsString(health.RawGetString("status"))
	return verdict{result.Status.String(), argo, lua.LVAsString(health.RawGetString("message"))}, nil
}

// runCheck gives a script what Argo CD gives it: the global obj, and of Lua's libraries these alone.
func runCheck(object *unstructured.Unstructured, check string) (*lua.LTable, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	state.SetGlobal("obj", toLua(state, object.Object))
	if err := state.DoString(check); err != nil {
		return nil, err
	}
	health, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("the health check has to return a table")
	}
	return health, nil
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch typed := value.(type) {
	case bool:
		return lua.LBool(typed)
	case int64:
		return lua.LNumber(typed)
	case float64:
		return lua.LNumber(typed)
	case string:
		return lua.LString(typed)
	case []any:
		list := state.NewTable()
		for _, each := range typed {
			list.Append(toLua(state, each))
		}
		return list
	case map[string]any:
		table := state.NewTable()
		for key, each := range typed {
			table.RawSetString(key, toLua(state, each))
		}
		return table
	}
	return lua.LNil
}
