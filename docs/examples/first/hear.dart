// dart run hear.dart; in Flutter, call main() of it. For ws:// without TLS on Android and iOS, allow
// clear text as for Kotlin and Swift.
import 'dart:convert';
import 'dart:io';

Future<void> main() async {
  final socket = await WebSocket.connect('ws://127.0.0.1:8000/ws/TOKEN?wait=1');
  socket.pingInterval = const Duration(seconds: 25);
  await for (final text in socket) {
    final frame = jsonDecode(text as String) as Map<String, dynamic>;
    final data = frame['data'] as Map<String, dynamic>;
    switch (frame['type']) {
      case 'connected':
        print('@${data['username']} is live');
      case 'comment':
        print('${data['user']['nickname']}: ${data['text']}');
      case 'error':
        print('${data['title']}. ${data['detail']}');
    }
  }
}
