package query

import (
	"net/netip"
	"strings"
)

// parseAddress reads an address or a network.
func parseAddress(text string) (span, error) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return span{}, quote(text, "is no network")
		}
		network = network.Masked()
		first, last := point(Bound{Addr: network.Addr()}), point(Bound{Addr: lastOf(network)})
		return span{from: first.from, to: last.to, before: first.before, after: last.after}, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return span{}, quote(text, "is no address")
	}
	return point(Bound{Addr: addr.Unmap()}), nil
}

// lastOf returns the highest address of a network.
func lastOf(network netip.Prefix) netip.Addr {
	b := network.Addr().AsSlice()
	for bit := network.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}
