// Command alerts says which alerts of Prometheus rules fire at given times, when series have given values. Rules are
// checked, expressions evaluated and annotations filled in by Prometheus' own packages, as `promtool check rules` and
// `promtool test rules` do. promtool itself is not built: it brings every kind of service discovery along.
//
// Usage: alerts <question.json >answer.json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
)

// step is how often rules are evaluated, and how far the values of a series lie apart.
const step = time.Minute

type question struct {
	// Rules has the text of a rule file.
	Rules string `json:"rules"`
	// Series as in tests of promtool: `up{job="a"}` → `1x10 0x5`, a value per minute.
	Series map[string]string `json:"series"`
	// AtMinutes are the times that are asked about, in ascending order.
	AtMinutes []int `json:"atMinutes"`
}

type firing struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "alerts:", err)
		os.Exit(1)
	}
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	read := parser.NewParser(parser.Options{})
	groups, errs := rulefmt.Parse([]byte(asked.Rules), false, model.UTF8Validation, read, slog.Default())
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	series, err := newMemory(asked.Series, read)
	if err != nil {
		return err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples:           100_000,
		Timeout:              time.Minute,
		LookbackDelta:        5 * time.Minute,
		EnableAtModifier:     true,
		EnableNegativeOffset: true,
		Parser:               read,
	})
	defer engine.Close()
	query := func(expression string, at time.Time) (promql.Vector, error) {
		return evaluate(engine, series, expression, at)
	}
	answer, err := firingAt(asked.AtMinutes, groups, query)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

type queryFunc func(expression string, at time.Time) (promql.Vector, error)

// firingAt returns what fires at each of the times. Rules are evaluated every minute from the first sample on.
func firingAt(atMinutes []int, groups *rulefmt.RuleGroups, query queryFunc) ([][]firing, error) {
	// By rule, and by the labels of an alert: since when its expression holds.
	since := map[string]map[string]time.Time{}
	answer := make([][]firing, 0, len(atMinutes))
	for minute := 0; len(answer) < len(atMinutes); minute++ {
		now := time.Unix(0, 0).Add(time.Duration(minute) * step).UTC()
		found := []firing{}
		for _, group := range groups.Groups {
			for _, rule := range group.Rules {
				holds, err := query(rule.Expr, now)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", rule.Alert, err)
				}
				before := since[rule.Alert]
				since[rule.Alert] = map[string]time.Time{}
				for _, sample := range holds {
					key := sample.Metric.String()
					began, ok := before[key]
					if !ok {
						began = now
					}
					since[rule.Alert][key] = began
					if now.Sub(began) < time.Duration(rule.For) {
						continue
					}
					alert, err := fill(rule, sample, now)
					if err != nil {
						return nil, fmt.Errorf("%s: %w", rule.Alert, err)
					}
					found = append(found, alert)
				}
			}
		}
		if minute == atMinutes[len(answer)] {
			answer = append(answer, found)
		}
	}
	return answer, nil
}

func evaluate(engine *promql.Engine, series storage.Queryable, expression string, at time.Time) (promql.Vector, error) {
	asked, err := engine.NewInstantQuery(context.Background(), series, nil, expression, at)
	if err != nil {
		return nil, err
	}
	defer asked.Close()
	result := asked.Exec(context.Background())
	if result.Err != nil {
		return nil, result.Err
	}
	vector, err := result.Vector()
	if err != nil {
		return nil, err
	}
	// It is taken back when the query is closed.
	return append(promql.Vector{}, vector...), nil
}

// fill gives an alert its labels, and its annotations with the values of the sample in them.
func fill(rule rulefmt.Rule, sample promql.Sample, at time.Time) (firing, error) {
	own := labels.NewBuilder(sample.Metric).Del(labels.MetricName).Labels().Map()
	alert := firing{Labels: map[string]string{}, Annotations: map[string]string{}}
	for name, value := range own {
		alert.Labels[name] = value
	}
	data := template.AlertTemplateData(own, nil, "", sample)
	expand := func(text string) (string, error) {
		defined := "{{$labels := .Labels}}{{$value := .Value}}" + text
		return template.NewTemplateExpander(context.Background(), defined, rule.Alert, data, model.TimeFromUnixNano(at.UnixNano()), nil, nil, nil).Expand()
	}
	var err error
	for name, text := range rule.Labels {
		if alert.Labels[name], err = expand(text); err != nil {
			return alert, err
		}
	}
	for name, text := range rule.Annotations {
		if alert.Annotations[name], err = expand(text); err != nil {
			return alert, err
		}
	}
	alert.Labels["alertname"] = rule.Alert
	return alert, nil
}
