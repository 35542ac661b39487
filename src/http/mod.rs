//! stub
/// stub
pub async fn serve(
    _l: tokio::net::TcpListener,
    _r: crate::store::Reader,
    _s: tokio::sync::watch::Receiver<crate::worker::Status>,
    _m: crate::telemetry::Metrics,
    stop: tokio_util::sync::CancellationToken,
) -> std::io::Result<()> {
    stop.cancelled().await;
    Ok(())
}
