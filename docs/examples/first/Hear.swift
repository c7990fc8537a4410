// For ws:// without TLS, Info.plist: NSAppTransportSecurity > NSAllowsLocalNetworking = YES
import Foundation

func hear() async throws {
    let url = URL(string: "ws://127.0.0.1:8000/ws/TOKEN?wait=1")!
    let socket = URLSession.shared.webSocketTask(with: url)
    socket.maximumMessageSize = 16 * 1024 * 1024
    socket.resume()
    while case .string(let text) = try await socket.receive() {
        guard let frame = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
              let type = frame["type"] as? String,
              let data = frame["data"] as? [String: Any] else { continue }
        switch type {
        case "connected":
            print("@\(data["username"] ?? "") is live")
        case "comment":
            let user = data["user"] as? [String: Any]
            print("\(user?["nickname"] ?? ""): \(data["text"] ?? "")")
        case "error":
            print("\(data["title"] ?? ""). \(data["detail"] ?? "")")
        default:
            break // more types of frames may come
        }
    }
}
