//! A table of filters as a broker of factories has it: tenants with sites, sites with lines, lines with ten
//! devices each. Device names are serial numbers, without order.
//!
//! Of 100 filters about 66 are exact topics of one device, 16 have `+` in the middle, 17 end with `#`; 3 of
//! these are shared. The name `.../status` of any device matches exactly ten filters, once its line, site and
//! tenant are complete.

/// Filters for one device.
const PER_DEVICE: usize = 6;
const DEVICES_PER_LINE: usize = 10;
const LINES_PER_SITE: usize = 20;
const SITES_PER_TENANT: usize = 50;

/// How many filters match the status topic of a device.
pub const MATCHES: usize = 10;

/// A bijection of 32-bit numbers that looks like chance.
fn scramble(number: u32) -> u32 {
    let number = (number ^ (number >> 16)).wrapping_mul(0x85EB_CA6B);
    let number = (number ^ (number >> 13)).wrapping_mul(0xC2B2_AE35);
    number ^ (number >> 16)
}

/// The place of a device.
struct Device {
    tenant: usize,
    site: usize,
    line: usize,
    serial: u32,
}

impl Device {
    fn new(number: usize) -> Self {
        let line = number / DEVICES_PER_LINE;
        let site = line / LINES_PER_SITE;
        Self {
            tenant: site / SITES_PER_TENANT,
            site: site % SITES_PER_TENANT,
            line: line % LINES_PER_SITE,
            serial: scramble(u32::try_from(number).expect("a small number")),
        }
    }

    fn tenant(&self) -> String {
        format!("tenant-{:03}", self.tenant)
    }

    fn site(&self) -> String {
        format!("{}/site-{:02}", self.tenant(), self.site)
    }

    fn line(&self) -> String {
        format!("{}/line-{:02}", self.site(), self.line)
    }
}

/// Filters in the order in which a table grows: each is made when it is asked for, so that the table takes no
/// memory of its own.
pub struct Table {
    filters: usize,
    devices: usize,
}

impl Table {
    /// A table of so many filters.
    pub fn new(filters: usize) -> Self {
        // The filters of lines, sites, tenants and of all come on top of those of the devices.
        let mut devices = filters / PER_DEVICE;
        while devices * PER_DEVICE + Self::above(devices) > filters {
            devices -= 1;
        }
        Self { filters, devices }
    }

    /// How many filters stand above so many devices.
    fn above(devices: usize) -> usize {
        let lines = devices.div_ceil(DEVICES_PER_LINE);
        let sites = lines.div_ceil(LINES_PER_SITE);
        lines * 2 + sites * 2 + sites.div_ceil(SITES_PER_TENANT) + 2
    }

    /// The filters, in a random order.
    pub fn filters(&self) -> impl Iterator<Item = String> + '_ {
        // Steps of a prime go around through all numbers.
        let len = self.filters;
        (0..len).map(move |number| self.filter((number * 1_000_000_007 + 12_345) % len))
    }

    fn filter(&self, number: usize) -> String {
        if let Some(above) = number.checked_sub(self.devices * PER_DEVICE) {
            return self.filter_above(above);
        }
        let device = Device::new(number / PER_DEVICE);
        let (line, serial) = (device.line(), device.serial);
        match number % PER_DEVICE {
            0 => format!("{line}/{serial:08x}/status"),
            1 => format!("{line}/{serial:08x}/command"),
            2 => format!("{line}/{serial:08x}/config"),
            3 => format!("{line}/{serial:08x}/firmware"),
            4 => format!("{line}/{serial:08x}/#"),
            _ => format!("{}/+/{serial:08x}/status", device.site()),
        }
    }

    fn filter_above(&self, number: usize) -> String {
        let lines = self.devices.div_ceil(DEVICES_PER_LINE);
        let sites = lines.div_ceil(LINES_PER_SITE);
        let tenants = sites.div_ceil(SITES_PER_TENANT);
        let line = Device::new(number / 2 * DEVICES_PER_LINE).line();
        let Some(number) = number.checked_sub(2 * lines) else {
            return match number % 2 {
                0 => format!("$share/workers/{line}/#"),
                _ => format!("$share/audit/{line}/+/status"),
            };
        };
        let site = Device::new(number / 2 * DEVICES_PER_LINE * LINES_PER_SITE).site();
        let Some(number) = number.checked_sub(2 * sites) else {
            return match number % 2 {
                0 => format!("{site}/#"),
                _ => format!("{site}/+/+/status"),
            };
        };
        match number.checked_sub(tenants) {
            None => {
                let device = number * DEVICES_PER_LINE * LINES_PER_SITE * SITES_PER_TENANT;
                format!("{}/#", Device::new(device).tenant())
            }
            Some(0) => "#".into(),
            Some(1) => "+/+/+/+/status".into(),
            Some(rest) => format!("spare/{rest}"),
        }
    }

    /// So many names of devices, at random, each of which matches [`MATCHES`] filters.
    pub fn names(&self, count: usize) -> Vec<String> {
        let any = |number| scramble(u32::try_from(number).expect("a small number")) as usize;
        (0..count)
            .map(|number| {
                let device = Device::new(any(number) % self.devices);
                format!("{}/{:08x}/status", device.line(), device.serial)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn filters_differ_and_names_match_ten() {
        for len in [100, 1000, 20_000] {
            let table = Table::new(len);
            let filters: HashSet<_> = table.filters().collect();
            assert_eq!(filters.len(), len);
            for name in table.names(20) {
                let name = mqtt_wire::TopicName::new(&name).expect("a name");
                let matching = filters
                    .iter()
                    .filter(|filter| mqtt_wire::TopicFilter::new(filter).expect("a filter").matches(name));
                assert_eq!(matching.count(), MATCHES, "{name} among {len}");
            }
        }
    }
}
