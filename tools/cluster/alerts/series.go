package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// memory holds series for queries. Prometheus' own storage for tests would bring its configuration along, and that the
// clients of three clouds.
type memory []storage.Series

// newMemory reads series in the notation of promtool's tests.
func newMemory(values map[string]string, read parser.Parser) (memory, error) {
	held := make(memory, 0, len(values))
	for series, text := range values {
		name, sequence, err := read.ParseSeriesDesc(series + " " + text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", series, err)
		}
		var samples []chunks.Sample
		for n, value := range sequence {
			if !value.Omitted {
				samples = append(samples, sample{int64(n) * step.Milliseconds(), value.Value})
			}
		}
		held = append(held, storage.NewListSeries(name, samples))
	}
	return held, nil
}

func (held memory) Querier(_, _ int64) (storage.Querier, error) { return querier{held}, nil }

type querier struct{ held memory }

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &seriesSet{}
	for _, series := range q.held {
		if matches(series.Labels(), matchers) {
			found.series = append(found.series, series)
		}
	}
	return found
}

func matches(of labels.Labels, matchers []*labels.Matcher) bool {
	for _, matcher := range matchers {
		if !matcher.Matches(of.Get(matcher.Name)) {
			return false
		}
	}
	return true
}

var errNotAsked = errors.New("rules do not ask for names and values of labels")

func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errNotAsked
}

func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errNotAsked
}

func (querier) Close() error { return nil }

type seriesSet struct {
	series []storage.Series
	next   int
}

func (set *seriesSet) Next() bool {
	set.next++
	return set.next <= len(set.series)
}

func (set *seriesSet) At() storage.Series            { return set.series[set.next-1] }
func (*seriesSet) Err() error                        { return nil }
func (*seriesSet) Warnings() annotations.Annotations { return nil }

type sample struct {
	t int64
	f float64
}

func (s sample) T() int64                    { return s.t }
func (sample) ST() int64                     { return 0 }
func (s sample) F() float64                  { return s.f }
func (sample) H() *histogram.Histogram       { return nil }
func (sample) FH() *histogram.FloatHistogram { return nil }
func (sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample         { return s }
