// Command coredns is CoreDNS with the plugins that the cluster's Corefile names and no other. The released program links
// some sixty, among them the SDKs of three clouds and of as many tracers.
package main

import (
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() {
	coremain.Run()
}
