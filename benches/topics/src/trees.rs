//! The trees, each behind the same small interface. They are given text, as a broker has it, and count what
//! they find. A tree that knows no shared subscriptions gets the filter in it.

use std::str::FromStr;

use mqtt_topic_engine::{CacheStrategy, QoS, TopicPath, TopicPatternPath, TopicRouter};
use mqtt_wire::topic::FilterTree;
use mqtt_wire::{TopicFilter, TopicName};

pub trait Tree {
    fn insert(&mut self, filter: &str, value: u32);
    fn count(&self, name: &str) -> usize;
}

/// All that can be measured, by name.
pub const NAMES: [&str; 5] = ["mqtt-wire", "linear scan", "rmqtt", "mqtt-topic-engine", "mqtt_topic_tree"];

pub fn by_name(name: &str) -> Option<Box<dyn Tree>> {
    Some(match name {
        "mqtt-wire" => Box::new(FilterTree::new()),
        "linear scan" => Box::new(Vec::<String>::new()),
        "rmqtt" => Box::new(rmqtt::trie::TopicTree::default()),
        "mqtt-topic-engine" => Box::new(TopicRouter::new()),
        "mqtt_topic_tree" => Box::new(mqtt_topic_tree::TopicTree::default()),
        _ => return None,
    })
}

fn without_share(filter: &str) -> &str {
    filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/')).map_or(filter, |(_, inner)| inner)
}

impl Tree for FilterTree<u32> {
    fn insert(&mut self, filter: &str, value: u32) {
        FilterTree::insert(self, TopicFilter::new(filter).expect("a filter"), value);
    }

    fn count(&self, name: &str) -> usize {
        self.matches(TopicName::new(name).expect("a name")).count()
    }
}

/// What a codec without a tree offers.
impl Tree for Vec<String> {
    fn insert(&mut self, filter: &str, _: u32) {
        self.push(filter.to_owned());
    }

    fn count(&self, name: &str) -> usize {
        let name = TopicName::new(name).expect("a name");
        self.iter().filter(|filter| TopicFilter::new(filter).expect("a filter").matches(name)).count()
    }
}

impl Tree for rmqtt::trie::TopicTree<u32> {
    fn insert(&mut self, filter: &str, value: u32) {
        let topic = rmqtt::topic::Topic::from_str(without_share(filter)).expect("a filter");
        rmqtt::trie::TopicTree::insert(self, &topic, value);
    }

    fn count(&self, name: &str) -> usize {
        let topic = rmqtt::topic::Topic::from_str(name).expect("a name");
        self.matches(&topic).iter().map(|(_, values)| values.len()).sum()
    }
}

impl Tree for TopicRouter<u32> {
    fn insert(&mut self, filter: &str, value: u32) {
        let pattern = TopicPatternPath::new_from_string(without_share(filter), CacheStrategy::NoCache);
        self.add_subscription(pattern.expect("a filter"), QoS::AtMostOnce, value);
    }

    fn count(&self, name: &str) -> usize {
        self.get_subscribers(&TopicPath::new(name).expect("a name")).len()
    }
}

impl Tree for mqtt_topic_tree::TopicTree {
    fn insert(&mut self, filter: &str, value: u32) {
        let filter = mqtt_topic_tree::TopicFilter::try_from(filter.to_owned()).expect("a filter");
        self.add_subscription(filter, value.into(), mqtt_topic_tree::QoS::Level0);
    }

    fn count(&self, name: &str) -> usize {
        let name = mqtt_topic_tree::TopicName::try_from(name.to_owned()).expect("a name");
        self.get_subscriptions(&name).len()
    }
}
