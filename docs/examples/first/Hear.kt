// build.gradle.kts: implementation("com.squareup.okhttp3:okhttp:4.12.0")
// For ws:// without TLS, AndroidManifest.xml: <application android:usesCleartextTraffic="true" …>
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import okhttp3.WebSocket
import okhttp3.WebSocketListener
import org.json.JSONObject

class Hear : WebSocketListener() {
    fun start(): WebSocket {
        val address = "ws://127.0.0.1:8000/ws/TOKEN?wait=1"
        return OkHttpClient().newWebSocket(Request.Builder().url(address).build(), this)
    }

    override fun onMessage(webSocket: WebSocket, text: String) {
        val frame = JSONObject(text)
        val data = frame.getJSONObject("data")
        when (frame.getString("type")) {
            "connected" -> println("@${data.getString("username")} is live")
            "comment" -> println(
                "${data.getJSONObject("user").getString("nickname")}: ${data.getString("text")}"
            )
            "error" -> println("${data.getString("title")}. ${data.getString("detail")}")
        }
    }

    override fun onFailure(webSocket: WebSocket, t: Throwable, response: Response?) = println(t)
}
