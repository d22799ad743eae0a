//! Watching one Application: the API server tells of every change, until it ends the watch.

use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::api::WatchEvent;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::legal;
use crate::cluster::request::Asked;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;

/// What a watch tells: the Application as it is now, `None` when it is gone, or what ended the watch.
type News = Result<Option<Application>, ClusterError>;

impl Cluster {
    /// Watches an Application from a `resourceVersion` on.
    ///
    /// # Errors
    /// The watch is not allowed, or that version is too old by now.
    pub(crate) async fn watch_application(
        &self,
        key: &ApplicationKey,
        from: Option<&str>,
    ) -> Result<BoxStream<'_, News>, ClusterError> {
        let asked = Asked::application("watch", key);
        legal(&asked)?;
        let events = self.connection.client.request_events::<Value>(asked.watch(from)).await;
        let events = events.map_err(|error| ClusterError::of_request(error, &asked, self.server()))?;
        let news = events.filter_map(move |event| {
            let news = match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    Some(self.read(&asked, object).map(Some))
                }
                Ok(WatchEvent::Deleted(_)) => Some(Ok(None)),
                Ok(WatchEvent::Bookmark(_)) => None,
                Ok(WatchEvent::Error(status)) => {
                    Some(Err(ClusterError::of_request(kube::Error::Api(status), &asked, self.server())))
                }
                Err(error) => Some(Err(ClusterError::of_request(error, &asked, self.server()))),
            };
            std::future::ready(news)
        });
        Ok(news.boxed())
    }
}
